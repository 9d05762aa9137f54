"""SQLite as SQLAlchemy's dialect, with transactions that begin when and how we say.

The driver's own habits lose updates: it begins a transaction at the first write, after the read that the write was
computed from. Here the driver is in autocommit, and the dialect says ``BEGIN`` itself, in one of three manners
(:class:`Lane`).
"""

from __future__ import annotations

import re
import sqlite3
from enum import Enum
from typing import Any

import aiosqlite
from pydantic_core import to_json
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_

from velox.db.pool import FairPool

__all__ = ["Lane", "open_connection", "open_engine"]


class Lane(Enum):
    """How a lane's connections begin a transaction."""

    READ = "each statement sees the newest committed state; writing is refused"
    WRITE = "BEGIN IMMEDIATE: one writer at a time, so that what a transaction read is still true when it writes"
    INSIDE = "SAVEPOINT: inside a transaction that somebody else began and will roll back"


_BEGIN = {Lane.WRITE: "BEGIN IMMEDIATE", Lane.INSIDE: "SAVEPOINT velox"}
_COMMIT = {Lane.WRITE: "COMMIT", Lane.INSIDE: "RELEASE velox"}

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",  # SQLite checks no reference without it
    "PRAGMA synchronous = NORMAL",  # with WAL: the file stays sound at a power cut, the last commits may be lost
)


class VeloxSQLite(SQLiteDialect_aiosqlite):
    """The dialect of ``sqlite+velox://``; :func:`open_engine` says which lane it is for."""

    driver = "velox"
    supports_statement_cache = True

    def __init__(self, lane: Lane = Lane.WRITE, kept: aiosqlite.Connection | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lane = lane
        self.kept = kept
        self._in_savepoint = False

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        if self.kept is None:
            return super().connect(*args, **kwargs)
        return AsyncAdapt_aiosqlite_connection(self.loaded_dbapi, self.kept)  # type: ignore[arg-type]

    def on_connect(self) -> Any:
        # SQLAlchemy adds its functions here; a kept connection got them once, in open_connection.
        return super().on_connect() if self.kept is None else None

    def do_begin(self, dbapi_connection: Any) -> None:
        if self.lane is not Lane.READ:
            _run(dbapi_connection, _BEGIN[self.lane])
            self._in_savepoint = True

    def do_commit(self, dbapi_connection: Any) -> None:
        if self.lane is not Lane.READ:
            _run(dbapi_connection, _COMMIT[self.lane])
            self._in_savepoint = False

    def do_rollback(self, dbapi_connection: Any) -> None:
        if self.lane is Lane.INSIDE:
            if self._in_savepoint:
                _run(dbapi_connection, "ROLLBACK TO velox")
                _run(dbapi_connection, "RELEASE velox")
                self._in_savepoint = False
        # Also called when a connection goes back into its pool: nothing to do then, unless a COMMIT has failed.
        elif self.lane is Lane.WRITE and dbapi_connection.driver_connection.in_transaction:
            _run(dbapi_connection, "ROLLBACK")

    def do_close(self, dbapi_connection: Any) -> None:
        if self.kept is None:
            super().do_close(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_terminate(self, dbapi_connection: Any) -> None:
        """A statement was interrupted (its task was cancelled), so the state of the connection is unknown."""
        if self.kept is None:
            super().do_terminate(dbapi_connection)
        elif self.lane is not Lane.READ:
            # The kept connection is the database: it cannot be replaced. Its statements run in order, these after the
            # interrupted one.
            try:
                for statement in ("ROLLBACK",) if self.lane is Lane.WRITE else ("ROLLBACK TO velox", "RELEASE velox"):
                    _run(dbapi_connection, statement)
            except sqlite3.OperationalError:
                pass  # interrupted before it had begun
            self._in_savepoint = False


def _run(dbapi_connection: Any, statement: str) -> None:
    """Run ``statement`` in one visit to the driver's thread; a cursor would make it three."""
    await_(dbapi_connection.driver_connection.execute_fetchall(statement))


registry.register("sqlite.velox", __name__, VeloxSQLite.__name__)


def _matches(pattern: str, text: str | None) -> bool | None:
    return None if text is None else re.search(pattern, text) is not None


def open_engine(
    path: str, lane: Lane, *, size: int, timeout_s: float, kept: aiosqlite.Connection | None = None
) -> AsyncEngine:
    """The engine of one lane. No connection is opened before the first statement.

    Args:
        path: The database file, or ``":memory:"`` together with ``kept``.
        lane: How its transactions begin.
        size: The most connections.
        timeout_s: How long to wait for a connection, and then for another process' lock.
        kept: Use this connection for all, and never close it.
    """
    engine = create_async_engine(
        f"sqlite+velox:///{path}",
        lane=lane,
        kept=kept,
        poolclass=FairPool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=timeout_s,
        connect_args={"isolation_level": None, "timeout": timeout_s},
        json_serializer=lambda value: to_json(value).decode(),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def tune(dbapi_connection: Any, _record: Any) -> None:
        if kept is None:
            for pragma in (*_PRAGMAS, *(["PRAGMA query_only = ON"] if lane is Lane.READ else [])):
                _run(dbapi_connection, pragma)

    return engine


async def open_connection(path: str, timeout_s: float) -> aiosqlite.Connection:
    """A connection of its own, in autocommit; the caller closes it.

    Raises:
        sqlite3.OperationalError: The file cannot be opened.
    """
    connection = aiosqlite.connect(path, isolation_level=None, timeout=timeout_s)
    connection._thread.daemon = True  # as SQLAlchemy does: a forgotten connection must not keep the process alive
    _ = await connection
    try:
        for pragma in _PRAGMAS:
            await connection.execute_fetchall(pragma)
        # For column.regexp_match(), as SQLAlchemy's own dialect has it.
        await connection.create_function("regexp", 2, _matches, deterministic=True)
    except BaseException:
        await connection.close()
        raise
    return connection
