"""SQLite as SQLAlchemy's dialect, with transactions that begin when and how we say.

The driver's own habits lose updates: it begins a transaction at the first write, after the read that the write was
computed from. Here the driver is in autocommit, and the dialect says ``BEGIN`` itself, in one of three manners
(:class:`Lane`).
"""

from __future__ import annotations

import sqlite3
from enum import Enum
from typing import Any

from pydantic_core import to_json
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_

from velox.db.driver import Connection, connect
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

    def __init__(self, lane: Lane = Lane.WRITE, kept: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lane = lane
        self.kept = kept

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        if self.kept is None:
            return super().connect(*args, async_creator_fn=_connect, **kwargs)
        return AsyncAdapt_aiosqlite_connection(self.loaded_dbapi, self.kept)  # type: ignore[arg-type]

    def on_connect(self) -> Any:
        return None  # SQLAlchemy would add the functions that driver.connect() has added

    def do_begin(self, dbapi_connection: Any) -> None:
        if self.lane is not Lane.READ:
            _run(dbapi_connection, _BEGIN[self.lane])

    def do_commit(self, dbapi_connection: Any) -> None:
        if self.lane is not Lane.READ:
            try:
                _run(dbapi_connection, _COMMIT[self.lane])
            except sqlite3.Error:
                # SQLite keeps the transaction open (a deferred reference may be mended), SQLAlchemy takes it for ended.
                self.do_rollback(dbapi_connection)
                raise

    def do_rollback(self, dbapi_connection: Any) -> None:
        """End the transaction, if there is one: this is also called when a connection goes back into its pool."""
        if self.lane is Lane.WRITE and dbapi_connection.driver_connection.in_transaction:
            _run(dbapi_connection, "ROLLBACK")
        elif self.lane is Lane.INSIDE:
            try:
                _run(dbapi_connection, "ROLLBACK TO velox")
            except sqlite3.OperationalError as error:
                if "no such savepoint" not in str(error):
                    raise
            else:
                _run(dbapi_connection, "RELEASE velox")

    def do_close(self, dbapi_connection: Any) -> None:
        if self.kept is None:
            super().do_close(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_terminate(self, dbapi_connection: Any) -> None:
        """A task was cancelled in a statement, so SQLAlchemy would have the connection replaced."""
        if self.kept is None:
            super().do_terminate(dbapi_connection)
        elif self.lane is not Lane.READ:
            # The kept connection is the database: it cannot be replaced, but the interrupted statement has ended.
            self.do_rollback(dbapi_connection)


async def _connect(path: str, *, timeout: float, **_: Any) -> Connection:  # noqa: ASYNC109 - the name that sqlite3 gave it
    return await connect(path, timeout)


def _run(dbapi_connection: Any, statement: str) -> None:
    """Run ``statement`` in one visit to the driver's thread; a cursor would make it three."""
    await_(dbapi_connection.driver_connection.execute_fetchall(statement))


registry.register("sqlite.velox", __name__, VeloxSQLite.__name__)


def open_engine(path: str, lane: Lane, *, size: int, timeout_s: float, kept: Connection | None = None) -> AsyncEngine:
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
        connect_args={"timeout": timeout_s},
        json_serializer=lambda value: to_json(value).decode(),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def tune(dbapi_connection: Any, _record: Any) -> None:
        if kept is None:
            for pragma in (*_PRAGMAS, *(["PRAGMA query_only = ON"] if lane is Lane.READ else [])):
                _run(dbapi_connection, pragma)

    return engine


async def open_connection(path: str, timeout_s: float) -> Connection:
    """A connection of its own, in autocommit; the caller closes it.

    Raises:
        sqlite3.OperationalError: The file cannot be opened.
    """
    connection = await connect(path, timeout_s)
    try:
        for pragma in _PRAGMAS:
            await connection.execute_fetchall(pragma)
    except BaseException:
        await connection.close()
        raise
    return connection
