"""A connection to SQLite on a thread of its own, whose statements are never left half done.

A task can be cancelled while its statement runs in the thread. Its transaction is rolled back then, which has to come
after the statement; so here a cancelled task waits for the statement to end, and is cancelled thereafter.
"""

from __future__ import annotations

import asyncio
import math
import re
import sqlite3
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

__all__ = ["Connection", "prepare"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",  # SQLite checks no reference without it
    "PRAGMA synchronous = NORMAL",  # with WAL: sound after a power cut, without the last commits; see durability
)


class _Outcome(asyncio.Future[T]):
    """What the thread will answer.

    It refuses to be cancelled: a task that is cancelled while it awaits one goes on waiting, and is cancelled when the
    answer is there.
    """

    def cancel(self, msg: Any = None) -> bool:
        return False

    def settle(self, result: Any, error: BaseException | None) -> None:
        if error is None:
            self.set_result(result)
        else:
            self.set_exception(error)


_Job = tuple[_Outcome[Any] | None, Callable[..., Any], tuple[Any, ...]]


class Connection:
    """``sqlite3``'s connection, in autocommit: a transaction begins when somebody says ``BEGIN``."""

    def __init__(self) -> None:
        self._raw: sqlite3.Connection | None = None
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        # A forgotten connection must not keep the process alive.
        Thread(target=_serve, args=(self._jobs,), name="velox-sqlite", daemon=True).start()

    @classmethod
    async def open(cls, path: str, timeout_s: float, *, read_only: bool = False) -> Connection:
        """Open ``path``.

        Args:
            path: A file, which is created if it is missing, or ``":memory:"``.
            timeout_s: Seconds that a statement waits for another connection's lock.
            read_only: Refuse whatever would write.

        Raises:
            sqlite3.DatabaseError: The file cannot be opened, or is no database.
        """
        connection = cls()
        try:
            await connection._submit(connection._connect, path, timeout_s, read_only)
        except BaseException:
            connection.drop()
            raise
        return connection

    def run(self, function: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Call ``function(connection, *args)`` in the thread, after what it was asked to do before.

        Raises:
            sqlite3.ProgrammingError: The connection is closed.
        """
        if self._raw is None:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
        return self._submit(function, self._raw, *args)

    async def execute(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        await self.run(_execute, statement)

    async def close(self) -> None:
        """Roll back what is not committed, and end the thread. Closing again does nothing."""
        if self._raw is not None:
            closed = self.run(sqlite3.Connection.close)
            self.drop()
            await closed

    def drop(self) -> None:
        """Close without waiting for it, where nobody can wait: in the garbage collector, for example."""
        self.post(sqlite3.Connection.close)
        self._raw = None
        self._jobs.put(None)

    def post(self, function: Callable[[sqlite3.Connection, *Ts], object], *args: *Ts) -> None:
        """Like :meth:`run`, for those who cannot wait; whether it succeeds, nobody hears."""
        if self._raw is not None:
            self._jobs.put((None, function, (self._raw, *args)))

    def __del__(self) -> None:
        self.drop()

    def _connect(self, path: str, timeout_s: float, read_only: bool) -> None:
        raw = sqlite3.connect(path, isolation_level=None, timeout=timeout_s)
        self._raw = raw
        prepare(raw, read_only=read_only)

    def _submit(self, function: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        outcome: _Outcome[T] = _Outcome(loop=asyncio.get_running_loop())
        self._jobs.put((outcome, function, args))
        return outcome


def prepare(raw: sqlite3.Connection, *, read_only: bool) -> None:
    """Make a new connection ours: functions and pragmas."""
    # For column.regexp_match() and func.floor(), as SQLAlchemy's own dialects have them.
    raw.create_function("regexp", 2, _matches, deterministic=True)
    raw.create_function("floor", 1, _floor, deterministic=True)
    for pragma in (*_PRAGMAS, *(["PRAGMA query_only = ON"] if read_only else [])):
        raw.execute(pragma)


def _serve(jobs: SimpleQueue[_Job | None]) -> None:
    """The thread's life: one job after the other, until there is a ``None``."""
    while (job := jobs.get()) is not None:
        outcome, function, args = job
        result: Any = None
        error: BaseException | None = None
        try:
            result = function(*args)
        except BaseException as raised:  # noqa: BLE001 - it is raised in the task that asked
            error = raised
        if outcome is not None:
            try:
                outcome.get_loop().call_soon_threadsafe(outcome.settle, result, error)
            except RuntimeError:
                pass  # the loop is closed: nobody waits any more
        del job, outcome, function, args, result, error  # else they would live until the next job


def _execute(raw: sqlite3.Connection, statement: str) -> None:
    raw.execute(statement).close()


def _matches(pattern: str, text: str | None) -> bool | None:
    return None if text is None else re.search(pattern, text) is not None


def _floor(number: float | None) -> int | None:
    return None if number is None else math.floor(number)
