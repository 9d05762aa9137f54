"""A connection to SQLite on a thread of its own, whose statements are never left half done.

A task can be cancelled while its statement runs in the thread. Its transaction is rolled back then, which has to come
after the statement; so here a cancelled task waits for the statement to end, and is cancelled thereafter.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from functools import partial
from typing import Any, TypeVar

import aiosqlite

__all__ = ["Connection", "connect"]

T = TypeVar("T")


class Connection(aiosqlite.Connection):
    """aiosqlite's, with cancellation at the end of a statement instead of in its middle."""

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        task = asyncio.ensure_future(super()._execute(fn, *args, **kwargs))  # type: ignore[no-untyped-call]
        try:
            return await _finish(task)
        except asyncio.CancelledError:
            if task.exception() is None and isinstance(task.result(), sqlite3.Cursor):
                # Nobody will fetch its rows, and a statement in progress stands in the way of ending the transaction.
                await _finish(asyncio.ensure_future(super()._execute(task.result().close)))  # type: ignore[no-untyped-call]
            raise


async def connect(path: str, timeout_s: float) -> Connection:
    """Open ``path`` in autocommit: a transaction begins when somebody says ``BEGIN``.

    Args:
        path: A file, which is created if it is missing, or ``":memory:"``.
        timeout_s: How long a statement waits for another connection's lock.

    Raises:
        sqlite3.OperationalError: The file cannot be opened.
    """
    connection = Connection(partial(sqlite3.connect, path, isolation_level=None, timeout=timeout_s), 64)
    connection._thread.daemon = True  # a forgotten connection must not keep the process alive
    try:
        _ = await _finish(asyncio.ensure_future(connection.__aenter__()))
        # For column.regexp_match(), as SQLAlchemy's own dialect has it.
        await connection.create_function("regexp", 2, _matches, deterministic=True)
    except asyncio.CancelledError:
        await connection.close()
        raise
    return connection


async def _finish(task: asyncio.Future[T]) -> T:
    """Await ``task`` to its end, even when cancelled meanwhile; the cancellation is raised after that."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # seen: the cancellation outweighs it
        raise cancelled
    return task.result()


def _matches(pattern: str, text: str | None) -> bool | None:
    return None if text is None else re.search(pattern, text) is not None
