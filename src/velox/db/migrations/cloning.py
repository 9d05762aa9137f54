"""Databases to try things on: empty ones, and copies with rows in them. They are gone with the block."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from velox.db.database import Database
from velox.db.migrations.clearing import drop_everything

__all__ = ["Clone", "copy_of", "empty_clone"]

LARGEST_COPY_BYTES = 256 * 2**20
"""Copying more takes longer than anybody wants to wait for a migration to be written."""


@dataclass(frozen=True, slots=True)
class Clone:
    """A database to try things on.

    Args:
        database: It is started.
        remark: Why it is another kind of server than the project's; ``None`` when it is the same.
    """

    database: Database
    remark: str | None = None

    async def empty(self) -> Database:
        """The database, without what was tried on it before."""
        await drop_everything(self.database)
        return self.database


@asynccontextmanager
async def empty_clone(database: Database) -> AsyncIterator[Clone]:
    """An empty database of the same kind as ``database``: in memory for SQLite, else made on the same server."""
    url = make_url(database.url)
    if url.get_backend_name() == "sqlite":
        async with _started("sqlite://") as clone:
            yield Clone(clone)
        return
    name = f"velox_clone_{secrets.token_hex(6)}"
    if refused := await _run(database, f"CREATE DATABASE {name}"):
        async with _started("sqlite://") as clone:
            yield Clone(clone, f"tried on SQLite, since no database can be made at {database.display_url}: {refused}")
        return
    try:
        async with _started(url.set(database=name).render_as_string(hide_password=False)) as clone:
            yield Clone(clone)
    finally:
        await _run(database, f"DROP DATABASE {name}")


@asynccontextmanager
async def copy_of(database: Database) -> AsyncIterator[Database | None]:
    """A copy of a SQLite file with all its rows; ``None`` of another server, a missing file or a very large one."""
    url = make_url(database.url)
    path = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or not _is_small(path):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="velox-clone-") as folder:
        copy = Path(folder) / "copy.db"
        _copy(path, copy)
        async with _started(f"sqlite:///{copy}") as clone:
            yield clone


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= LARGEST_COPY_BYTES


def _copy(source: Path, target: Path) -> None:
    """Copy a database that others may be writing to: https://www.sqlite.org/backup.html."""
    with (
        contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as reading,
        contextlib.closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)


@asynccontextmanager
async def _started(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


async def _run(database: Database, statement: str) -> str | None:
    """Run ``statement``, which may not be in a transaction; why it was refused, or ``None``."""
    try:
        async with database.writing_connection() as connection:
            outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await outside.exec_driver_sql(statement)
    except DBAPIError as error:
        return str(error.orig).strip().splitlines()[0]
    return None
