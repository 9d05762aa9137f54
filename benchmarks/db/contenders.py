"""Who takes part: how each is started, and in whose environment."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.db.place import for_velox
from benchmarks.environment import peer_python, versions
from benchmarks.http.servers import PORT, UVICORN, Contender, require_same

__all__ = [
    "BUILT",
    "DJANGO",
    "FASTAPI",
    "FLOOR",
    "LITESTAR",
    "NAIVE",
    "NAIVE_ON_SERVER",
    "POOL",
    "RAW",
    "READER",
    "SESSION",
    "VELOX",
    "children",
    "children_on_server",
    "environments",
    "servers",
]

HERE = Path(__file__).resolve().parent
PEERS = ("fastapi", "uvicorn", "uvloop", "httptools", "sqlmodel", "aiosqlite", "asyncpg", "tortoise-orm", "django",
         "django-ninja", "litestar", "advanced-alchemy", "sqlalchemy", "pydantic")  # fmt: skip
OURS = ("velox-framework", "sanic", "uvloop", "httptools", "sqlmodel", "sqlalchemy", "asyncpg", "pydantic")

RAW, READER, BUILT, SESSION = "sqlite3", "Velox", "Velox, statement built each time", "Velox, in a Session"
POOL, NAIVE_ON_SERVER = "asyncpg's pool", "SQLModel AsyncSession + asyncpg"
FLOOR = "SQLModel Session, synchronous"
NAIVE, TORTOISE, ADJANGO = "SQLModel AsyncSession + aiosqlite", "Tortoise ORM", "Django, asynchronous"
VELOX, FASTAPI = "Velox", "FastAPI + SQLModel"
LITESTAR, DJANGO = "Litestar + Advanced-Alchemy", "Django + Ninja on uvicorn"


def environments() -> tuple[Path, Path, dict[str, str]]:
    """Our interpreter, the peers', and the versions of everything.

    Raises:
        RuntimeError: What both stand on is not of one version.
    """
    ours, theirs = Path(sys.executable), peer_python(HERE / ".venv", HERE / "constraints.txt", PEERS)
    here, there = versions(ours, OURS), versions(theirs, PEERS)
    require_same(here, there, "python", "sqlmodel", "sqlalchemy", "pydantic", "uvloop", "httptools", "asyncpg")
    return ours, theirs, {**there, **here}


def children_on_server(ours: Path, theirs: Path) -> dict[str, list[str | Path]]:
    """:func:`children`, for PostgreSQL."""
    velox: list[str | Path] = [ours, "-m", "benchmarks.db.child_velox"]
    return {
        POOL: [ours, "-m", "benchmarks.db.child_asyncpg"],
        READER: [*velox, "reader"],
        BUILT: [*velox, "unprepared"],
        SESSION: [*velox, "session"],
        NAIVE_ON_SERVER: [theirs, "-m", "benchmarks.db.child_sqlmodel"],
        TORTOISE: [theirs, "-m", "benchmarks.db.child_tortoise"],
    }


def children(ours: Path, theirs: Path) -> dict[str, list[str | Path]]:
    """The command line of each contender in a process, without the database's arguments."""
    velox: list[str | Path] = [ours, "-m", "benchmarks.db.child_velox"]
    return {
        RAW: [ours, "-m", "benchmarks.db.child_sqlite"],
        READER: [*velox, "reader"],
        BUILT: [*velox, "unprepared"],
        SESSION: [*velox, "session"],
        FLOOR: [ours, "-m", "benchmarks.db.child_synchronous"],
        NAIVE: [theirs, "-m", "benchmarks.db.child_sqlmodel"],
        TORTOISE: [theirs, "-m", "benchmarks.db.child_tortoise"],
        ADJANGO: [theirs, "-m", "benchmarks.db.child_django"],
    }


def servers(ours: Path, theirs: Path, found: Mapping[str, str], places: Sequence[str]) -> tuple[Contender, ...]:
    """The servers, each with one of ``places``. On PostgreSQL there is no Django, which would need another driver."""
    secret = {"VELOX_SECRET_KEY": secrets.token_urlsafe(48), "VELOX_DATABASE_URL": for_velox(places[0])}
    line = (ours, "-m", "velox", "run", "benchmarks.db.on_velox:create_app", "--prod", "--workers", "1", "--port", PORT)
    peers = {FASTAPI: "fastapi", LITESTAR: "litestar", DJANGO: "django"}
    return (
        Contender(VELOX, line, found, secret),
        *(
            Contender(
                name,
                (theirs, "-m", "uvicorn", f"benchmarks.db.on_{module}:app", *UVICORN),
                found,
                {"HEROES": place},
            )
            for (name, module), place in zip(peers.items(), places[1:], strict=False)
        ),
    )
