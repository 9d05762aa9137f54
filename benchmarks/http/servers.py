"""The servers: how each is started, one worker, without an access log."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environment import peer_python, versions

__all__ = ["NAMES", "PORT", "Contender", "contenders"]

HERE = Path(__file__).resolve().parent
PORT = "{port}"
"""Stands for the port in a command."""

VELOX, WATCHED = "Velox", "Velox with middleware"
BLACKSHEEP_GRANIAN, BLACKSHEEP_UVICORN = "BlackSheep on granian", "BlackSheep on uvicorn"
FASTAPI_UVICORN, FASTAPI_GRANIAN = "FastAPI on uvicorn", "FastAPI on granian"
LITESTAR, ROBYN, SANIC, FLOOR = "Litestar on uvicorn", "Robyn", "raw Sanic", "httptools, constant"
NAMES = (
    VELOX,
    WATCHED,
    SANIC,
    BLACKSHEEP_GRANIAN,
    BLACKSHEEP_UVICORN,
    LITESTAR,
    ROBYN,
    FASTAPI_UVICORN,
    FASTAPI_GRANIAN,
    FLOOR,
)

PEERS = ("fastapi", "uvicorn", "httptools", "uvloop", "granian", "litestar", "msgspec", "blacksheep", "orjson")
ROBYN_PEERS = ("robyn", "pydantic")
"""Apart from the others: it wants another uvloop."""

QUIET = ("--no-access-log", "--log-level", "warning", "--port", PORT)
UVICORN = ("--loop", "uvloop", "--http", "httptools", *QUIET)
GRANIAN = ("--interface", "asgi", "--loop", "uvloop", "--http", "1", "--no-ws", "--workers", "1", *QUIET)


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that can be started.

    Attributes:
        name: As the table has it.
        line: The command line, with :data:`PORT` in it.
        versions: By package.
        environment: Variables beside the inherited ones.
    """

    name: str
    line: Sequence[str | Path]
    versions: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, port: int) -> list[str | Path]:
        """The command line for ``port``."""
        return [str(port) if part == PORT else part for part in self.line]


def contenders() -> tuple[Contender, ...]:
    """Velox and its peers, in the order of :data:`NAMES`.

    Raises:
        RuntimeError: They would run on different versions of Python, pydantic or uvloop.
    """
    ours = Path(sys.executable)
    theirs = peer_python(HERE / ".venv", HERE / "constraints.txt", PEERS)
    robyn = peer_python(HERE / "robyn" / ".venv", HERE / "robyn" / "constraints.txt", ROBYN_PEERS)
    here = versions(ours, ("velox-framework", "sanic", "pydantic", "uvloop", "httptools"))
    there = versions(theirs, (*PEERS, "pydantic"))
    apart = versions(robyn, ROBYN_PEERS)
    require_same(here, there, "python", "pydantic", "uvloop", "httptools")
    require_same(here, apart, "python", "pydantic")
    asgi = {name: f"benchmarks.http.on_{name}:app" for name in ("fastapi", "litestar", "blacksheep")}
    return (
        velox(VELOX, "create_app", here),
        velox(WATCHED, "create_watched", here, VELOX_METRICS="true", VELOX_REQUEST_ID_HEADER="true"),
        Contender(SANIC, (ours, "-m", "benchmarks.http.on_sanic", PORT), here),
        Contender(BLACKSHEEP_GRANIAN, (theirs, "-m", "granian", asgi["blacksheep"], *GRANIAN), there),
        Contender(BLACKSHEEP_UVICORN, (theirs, "-m", "uvicorn", asgi["blacksheep"], *UVICORN), there),
        Contender(LITESTAR, (theirs, "-m", "uvicorn", asgi["litestar"], *UVICORN), there),
        Contender(
            ROBYN,
            (robyn, "-m", "benchmarks.http.on_robyn", PORT, "--log-level", "WARNING", "--disable-openapi"),
            {"robyn": apart["robyn"]},
        ),
        Contender(FASTAPI_UVICORN, (theirs, "-m", "uvicorn", asgi["fastapi"], *UVICORN), there),
        Contender(FASTAPI_GRANIAN, (theirs, "-m", "granian", asgi["fastapi"], *GRANIAN), there),
        Contender(FLOOR, (ours, "-m", "benchmarks.http.on_httptools", PORT), here),
    )


def velox(name: str, factory: str, found: Mapping[str, str], **settings: str) -> Contender:
    target = f"benchmarks.http.on_velox:{factory}"
    line = (sys.executable, "-m", "velox", "run", target, "--prod", "--workers", "1", "--port", PORT)
    return Contender(name, line, found, {"VELOX_SECRET_KEY": secrets.token_urlsafe(48), **settings})


def require_same(here: Mapping[str, str], there: Mapping[str, str], *names: str) -> None:
    """What both stand on has to be of one version, or the times say something about that instead."""
    differing = [f"{name} {here[name]} and {there[name]}" for name in names if here[name] != there[name]]
    if differing:
        raise RuntimeError(f"not comparable: {', '.join(differing)}; bring the pins of benchmarks/http in line")
