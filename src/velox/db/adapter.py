"""The driver's connection as SQLAlchemy wants it: a DBAPI connection, and cursors.

A visit to the driver's thread costs more than the statement, so each statement makes one: it begins the transaction if
that is still to be done, executes, and brings all its rows along.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from sqlalchemy.util import await_
from sqlalchemy.util.concurrency import in_greenlet

from velox.db.driver import Connection

__all__ = ["Adapter", "Transaction"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Transaction(NamedTuple):
    """The statements that begin, commit and roll back a transaction."""

    begin: str
    commit: str
    rollback: tuple[str, ...]


class Adapter:
    """A DBAPI connection (PEP 249) for code that SQLAlchemy runs in a greenlet.

    Args:
        connection: The driver's.
        transaction: How a transaction begins and ends; ``None`` for a connection that only reads, in autocommit.
        shared: Others use the driver's connection, too. It is never closed here, and refuses to write only while a
            statement of a reading adapter runs.
    """

    def __init__(self, connection: Connection, transaction: Transaction | None, *, shared: bool) -> None:
        self.driver = connection
        self._transaction = transaction
        self._shared = shared
        self._must_begin = False
        self._began = False
        self._wrote = False

    def cursor(self, *, streams: bool = False) -> Cursor:
        return StreamCursor(self) if streams else Cursor(self)

    def begin(self) -> None:
        """Let the next statement begin a transaction."""
        self._must_begin = self._transaction is not None

    def commit(self) -> None:
        self._must_begin = False
        if self._began and self._transaction is not None:
            self._began = False
            if self._wrote:
                await_(self.driver.run(_commit, self._transaction))
            else:
                # There is nothing to lose, so nobody waits for it; what comes next in this connection comes after it.
                self.driver.post(_commit, self._transaction)

    def rollback(self) -> None:
        """End the transaction, if there is one: this is also called when a connection goes back into its pool."""
        self._must_begin = False
        if self._began and self._transaction is not None:
            self._began = False
            await_(self.driver.run(_roll_back, self._transaction))

    def close(self) -> None:
        if not self._shared:
            await_(self.driver.close())

    def terminate(self) -> None:
        """A task was cancelled in a statement, which has ended now, so that SQLAlchemy does without this connection;
        or its session was forgotten, and the garbage collector, which cannot wait, found it.
        """
        if in_greenlet():
            self.rollback()
            self.close()
        elif not self._shared:
            self.driver.drop()
        elif self._began and self._transaction is not None:
            self.driver.post(_roll_back, self._transaction)

    def run(self, function: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts, reads: bool = False) -> T:
        """Call ``function(connection, *args)`` in the thread, inside the transaction that was asked for.

        Args:
            function: What is done there.
            *args: Its other arguments.
            reads: It changes nothing, so that there is nothing to commit.
        """
        if self._must_begin and self._transaction is not None:
            self._must_begin = False
            self._began = True
            self._wrote = not reads
            return await_(self.driver.run(_beginning, self._transaction.begin, function, *args))
        self._wrote = self._wrote or not reads
        if self._shared and self._transaction is None:
            return await_(self.driver.run(_reading, function, *args))
        return await_(self.driver.run(function, *args))


class Cursor:
    """A DBAPI cursor, which holds the rows of its statement."""

    server_side = False
    arraysize = 1

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._rows: deque[Any] = deque()

    def execute(self, statement: str, parameters: Any = ()) -> None:
        # Whoever says SELECT only reads; one that begins otherwise (WITH, for example) may write as well.
        reads = statement.startswith("SELECT")
        self._take(*self._adapter.run(_execute, statement, parameters, reads=reads))

    def executemany(self, statement: str, parameters: Sequence[Any]) -> None:
        self._take(*self._adapter.run(_execute_many, statement, parameters))

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """SQLAlchemy calls it when it has executed and not yet fetched; there is nothing to close."""

    def _take(self, description: Any, rowcount: int, lastrowid: int | None, rows: list[Any]) -> None:
        self.description, self.rowcount, self.lastrowid = description, rowcount, lastrowid
        self._rows = deque(rows)


class StreamCursor(Cursor):
    """A cursor that leaves its rows in the database until they are asked for."""

    server_side = True

    def __init__(self, adapter: Adapter) -> None:
        super().__init__(adapter)
        self._raw: sqlite3.Cursor | None = None

    def execute(self, statement: str, parameters: Any = ()) -> None:
        self._raw = self._adapter.run(sqlite3.Connection.execute, statement, parameters)
        self._take(self._raw.description, self._raw.rowcount, self._raw.lastrowid, [])

    def fetchone(self) -> Any:
        return self._fetch(sqlite3.Cursor.fetchone)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._fetch(sqlite3.Cursor.fetchmany, size or self.arraysize)

    def fetchall(self) -> list[Any]:
        return self._fetch(sqlite3.Cursor.fetchall)

    def close(self) -> None:
        if self._raw is not None:
            self._fetch(sqlite3.Cursor.close)
            self._raw = None

    def _fetch(self, method: Callable[..., T], *args: Any) -> T:
        return self._adapter.run(lambda _: method(self._raw, *args))


_Outcome = tuple[Any, int, int | None, list[Any]]


def _execute(raw: sqlite3.Connection, statement: str, parameters: Any) -> _Outcome:
    cursor = raw.execute(statement, parameters)
    rows = cursor.fetchall()
    return cursor.description, cursor.rowcount, cursor.lastrowid, rows


def _execute_many(raw: sqlite3.Connection, statement: str, parameters: Sequence[Any]) -> _Outcome:
    cursor = raw.executemany(statement, parameters)
    return cursor.description, cursor.rowcount, cursor.lastrowid, []


def _beginning(raw: sqlite3.Connection, begin: str, function: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts) -> T:
    raw.execute(begin)
    return function(raw, *args)


def _reading(raw: sqlite3.Connection, function: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts) -> T:
    raw.execute("PRAGMA query_only = ON")
    try:
        return function(raw, *args)
    finally:
        raw.execute("PRAGMA query_only = OFF")


def _commit(raw: sqlite3.Connection, transaction: Transaction) -> None:
    try:
        raw.execute(transaction.commit)
    except sqlite3.Error:
        # SQLite keeps the transaction open (a deferred reference may be mended), SQLAlchemy takes it for ended.
        _roll_back(raw, transaction)
        raise


def _roll_back(raw: sqlite3.Connection, transaction: Transaction) -> None:
    # A failed BEGIN leaves no transaction, and some errors end it: https://www.sqlite.org/lang_transaction.html
    if raw.in_transaction:
        for statement in transaction.rollback:
            raw.execute(statement)
