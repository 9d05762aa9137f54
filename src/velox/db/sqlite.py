"""SQLite as SQLAlchemy's dialect, with transactions that begin when and how we say.

The driver's own habits lose updates: it begins a transaction at the first write, after the read that the write was
computed from. Here the driver is in autocommit, and a lane says when a transaction begins.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_

from velox.db.adapter import Adapter, Cursor, Transaction
from velox.db.driver import Connection
from velox.db.engine import Durability, Lane
from velox.db.pool import FairPool
from velox.db.types import json_text

__all__ = ["open_engine"]


_TRANSACTIONS = {
    Lane.READ: None,
    # One writer at a time, so that what a transaction has read is still true when it writes.
    Lane.WRITE: Transaction("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)),
    Lane.INSIDE: Transaction("SAVEPOINT velox", "RELEASE velox", ("ROLLBACK TO velox", "RELEASE velox")),
}


class _Execution(SQLiteExecutionContext):
    def create_server_side_cursor(self) -> Cursor:  # type: ignore[override]
        return self._dbapi_connection.cursor(streams=True)  # type: ignore[return-value]


class VeloxSQLite(SQLiteDialect_pysqlite):
    """The dialect of ``sqlite+velox://``; :func:`open_engine` says which lane it is for."""

    driver = "velox"
    is_async = True
    has_terminate = True
    supports_statement_cache = True
    supports_server_side_cursors = True
    execution_ctx_cls = _Execution

    def __init__(self, lane: Lane = Lane.WRITE, kept: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lane = lane
        self.kept = kept

    def connect(self, path: str, *, timeout_s: float, durability: Durability, **_: Any) -> Any:
        transaction = _TRANSACTIONS[self.lane]
        if self.kept is not None:
            return Adapter(self.kept, transaction, shared=True)
        opened = await_(Connection.open(path, timeout_s, read_only=transaction is None))
        if durability == "full":
            await_(opened.execute("PRAGMA synchronous = FULL"))
        return Adapter(opened, transaction, shared=False)

    def on_connect(self) -> Any:
        return None  # what SQLAlchemy would do here, the driver has done

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.begin()

    def do_terminate(self, dbapi_connection: Any) -> None:
        dbapi_connection.terminate()

    def get_driver_connection(self, connection: Any) -> Any:
        return connection.driver


registry.register("sqlite.velox", __name__, VeloxSQLite.__name__)


def open_engine(
    path: str,
    lane: Lane,
    *,
    size: int,
    timeout_s: float,
    kept: Connection | None = None,
    durability: Durability = "normal",
) -> AsyncEngine:
    """The engine of one lane. No connection is opened before the first statement.

    Args:
        path: The database file, or ``":memory:"`` together with ``kept``.
        lane: How its transactions begin.
        size: The most connections.
        timeout_s: Seconds to wait for a connection, and then for another process' lock.
        kept: Use this connection for all, and never close it.
        durability: What a commit survives.
    """
    return create_async_engine(
        f"sqlite+velox:///{path}",
        lane=lane,
        kept=kept,
        poolclass=FairPool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=timeout_s,
        connect_args={"timeout_s": timeout_s, "durability": durability},
        json_serializer=json_text,
    )
