"""Reading SQLite in the event loop's own thread, for as long as it takes no longer than a task's usual step.

A visit to another thread costs five times as much as the statement that reads a row. So a statement is begun here, and
has a budget: SQLite asks every thousand steps of its virtual machine whether to go on, and one that is late is
interrupted and run again in a thread. The next times, it goes there at once.
"""

from __future__ import annotations

import sqlite3
from time import perf_counter
from typing import Any

from velox.db.driver import prepare
from velox.db.statements import Prepared

__all__ = ["BUDGET_S", "Inline"]

BUDGET_S = 0.002
"""How long a statement may hold the event loop up. What SQLite does between two questions comes on top: reading a page
of the file that is not in memory, for example."""

_STEPS = 1000
"""Steps of SQLite's virtual machine between two questions, 20 to 100 µs."""

_LONGEST_DETOUR = 1024

_PATIENCE_S = 60.0


class Inline:
    """A connection that reads the file at ``path`` where it is called. It is opened for the first statement."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._raw: sqlite3.Connection | None = None
        self._closed = False
        self._deadline = 0.0

    def fetch(self, prepared: Prepared, sql: str, values: list[Any]) -> list[Any] | None:
        """All rows; ``None`` when a thread has to read them, or to find out what is wrong."""
        if self._closed:
            return None
        if prepared.detour:
            prepared.detour -= 1
            return None
        self._deadline = perf_counter() + BUDGET_S
        try:
            rows = (self._raw or self._open()).execute(sql, values).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            # Another process holds a lock, or the statement is wrong: the ordinary way waits for the one, and explains
            # the other.
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                prepared.late += 1
                prepared.detour = min(2**prepared.late, _LONGEST_DETOUR)
            return None
        prepared.late = 0
        return rows

    def ask(self, sql: str, values: Any) -> list[Any]:
        """All rows, without a budget."""
        self._deadline = perf_counter() + _PATIENCE_S
        return (self._raw or self._open()).execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the connection, for good."""
        self._closed = True
        if self._raw is not None:
            self._raw.close()

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(self._path, isolation_level=None, timeout=0, cached_statements=512)
        prepare(raw, read_only=True)
        raw.set_progress_handler(self._is_late, _STEPS)
        self._raw = raw
        return raw

    def _is_late(self) -> bool:
        return perf_counter() > self._deadline
