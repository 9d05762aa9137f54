"""The three servers: how each is started, single process, without an access log."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environment import peer_python, versions

__all__ = ["FASTAPI", "SANIC", "VELOX", "Contender", "contenders"]

VELOX, SANIC, FASTAPI = "Velox", "raw Sanic", "FastAPI"


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that can be started."""

    name: str
    command: Callable[[int], Sequence[str | Path]]
    """From the port to the command line."""
    versions: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


def contenders() -> tuple[Contender, ...]:
    """Velox, Sanic by hand, and FastAPI in the fastest way that its documentation shows.

    Raises:
        RuntimeError: Velox and FastAPI would run on different versions of Python or pydantic.
    """
    ours, theirs = Path(sys.executable), peer_python()
    here = versions(ours, ("velox-framework", "sanic", "pydantic", "pydantic-core", "uvloop"))
    there = versions(theirs, ("fastapi", "uvicorn", "httptools", "pydantic", "pydantic-core", "uvloop"))
    differing = [name for name in ("python", "pydantic", "pydantic-core", "uvloop") if here[name] != there[name]]
    if differing:
        both = ", ".join(f"{name} {here[name]} and {there[name]}" for name in differing)
        raise RuntimeError(f"not comparable: {both}; bring benchmarks/constraints.txt in line with constraints.txt")
    velox: list[str | Path] = [ours, "-m", "velox", "run", "benchmarks.binding.on_velox:create_app", "--prod", "--port"]
    sanic: list[str | Path] = [ours, "-m", "benchmarks.binding.on_sanic"]
    fastapi: list[str | Path] = [theirs, "-m", "uvicorn", "benchmarks.binding.on_fastapi:app"]
    fastapi += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--port"]
    return (
        Contender(VELOX, lambda port: [*velox, str(port)], here, {"VELOX_SECRET_KEY": secrets.token_urlsafe(48)}),
        Contender(SANIC, lambda port: [*sanic, str(port)], here),
        Contender(FASTAPI, lambda port: [*fastapi, str(port)], there),
    )
