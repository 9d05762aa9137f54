"""Who takes part: each one's module, its environment and its queue."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environment import peer_python, versions

__all__ = ["CONTENDERS", "Contender", "environments"]

HERE = Path(__file__).resolve().parent
PEERS = ("taskiq", "taskiq-redis", "saq", "celery", "dramatiq", "procrastinate", "huey", "redis", "psycopg", "uvloop")
ARQ = ("arq", "redis", "uvloop")
"""It has an environment of its own: it wants an older client of Redis than taskiq."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A library on a queue.

    Attributes:
        name: As the table has it.
        module: Its file here.
        queue: ``sqlite``, ``redis`` or ``postgresql``.
        environment: Which of the environments has it.
        further: Further variables.
    """

    name: str
    module: str
    queue: str
    environment: str = "peers"
    further: dict[str, str] = field(default_factory=dict)


CONTENDERS = (
    Contender("Velox", "on_velox", "sqlite", "ours"),
    Contender("Velox", "on_velox", "postgresql", "ours"),
    Contender("Velox", "on_velox", "redis", "ours"),
    Contender("taskiq, streams", "on_taskiq", "redis"),
    Contender("SAQ", "on_saq", "redis"),
    Contender("arq", "on_arq", "redis", "arq"),
    Contender("Celery", "on_celery", "redis"),
    Contender("Celery, late acks", "on_celery", "redis", further={"BENCH_LATE": "1"}),
    Contender("Dramatiq", "on_dramatiq", "redis"),
    Contender("Huey", "on_huey", "redis"),
    Contender("procrastinate", "on_procrastinate", "postgresql"),
)


def environments() -> tuple[dict[str, Path], dict[str, str]]:
    """The interpreters by environment, and the versions in them. An environment that cannot be made is left out."""
    ours = Path(sys.executable)
    pythons, found = {"ours": ours}, versions(ours, ("velox-framework", "sqlalchemy", "uvloop"))
    wanted = {
        "peers": (HERE / ".venv", HERE / "constraints.txt", PEERS),
        "arq": (HERE / "arq" / ".venv", HERE / "arq" / "constraints.txt", ARQ),
    }
    for name, (home, constraints, packages) in wanted.items():
        try:
            pythons[name] = peer_python(home, constraints, packages)
        except subprocess.CalledProcessError:
            print(f"left out: the packages of {constraints.parent.name} could not be installed", flush=True)
        else:
            found = {**versions(pythons[name], packages), **found}
    return pythons, found
