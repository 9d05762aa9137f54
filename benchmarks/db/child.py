"""One contender in a process of its own: it does what a line on stdin says, and answers with the
CPU time and the time, in seconds.

``get 2000 1`` reads 2,000 rows by key, one after the other; ``insert 2000 32`` lets 32 tasks share 2,000 inserts.
Nothing but the standard library: it also runs in the peers' environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from abc import ABC, abstractmethod
from collections import namedtuple
from typing import Any

__all__ = ["LISTED", "Contender", "Row", "serve"]

LISTED = 20
Row = namedtuple("Row", ("id", "name", "city", "age", "score", "active", "created_at", "bio"))  # noqa: PYI024
"""What a plain driver's contender answers."""


class Contender(ABC):
    """What is measured. Each method does one operation, and gives back what it read."""

    @abstractmethod
    async def start(self, path: str) -> None:
        """Open the database at ``path``, which on PostgreSQL is its URL."""

    @abstractmethod
    async def get(self, number: int) -> Any:
        """The row with the key ``number``, as an object with attributes."""

    @abstractmethod
    async def list(self, number: int) -> Any:
        """Twenty rows from the key ``number`` on."""

    @abstractmethod
    async def insert(self, number: int) -> Any:
        """Store one row, committed when this returns."""

    @abstractmethod
    async def stop(self) -> None:
        """Close what would keep the process alive."""


def serve(contender: Contender) -> None:
    """Answer lines until stdin ends. The first argument is where the database is, the second the number of its rows."""
    asyncio.run(_serve(contender, sys.argv[1], int(sys.argv[2])))


async def _serve(contender: Contender, path: str, rows: int) -> None:
    await contender.start(path)
    print(json.dumps(await _shown(contender)), flush=True)
    # Only one line is on its way at a time, so the loop may wait for it.
    for line in sys.stdin:
        name, count, tasks = line.split()
        operation = getattr(contender, name)
        numbers = iter(range(int(count)))

        async def work(operation: Any = operation, numbers: Any = numbers) -> None:
            for number in numbers:
                await operation(number * 7919 % (rows - LISTED) + 1)

        began_s, started_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(int(tasks))))
        print(json.dumps([time.process_time() - started_s, time.perf_counter() - began_s]), flush=True)
    await contender.stop()


async def _shown(contender: Contender) -> list[Any]:
    """A few answers, for comparing with the others'."""
    rows = [await contender.get(7), *await contender.list(11)]
    return [[row.id, row.name, row.age, row.score, bool(row.active), row.bio] for row in rows]
