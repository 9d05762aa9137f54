"""Rows of ``cachedworld`` that were read before."""

from __future__ import annotations

from collections.abc import Sequence

from examples.techempower.tables import CachedWorld
from velox.db import Database, col, select

__all__ = ["WorldCache"]


class WorldCache:
    """A worker's own cache: a missing row is read from PostgreSQL. It grows to the table, about 5 MB, and no further.

    Args:
        database: Where rows come from.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: dict[int, CachedWorld] = {}

    async def get_many(self, numbers: Sequence[int]) -> list[CachedWorld]:
        """The rows with these ids, in their order.

        Raises:
            KeyError: There is no such row.
        """
        missing = [number for number in numbers if number not in self._rows]
        if missing:
            async with self._database.reader() as db:
                rows = await db.exec(select(CachedWorld).where(col(CachedWorld.id).in_(missing)))
                self._rows.update((row.id, row) for row in rows)
        return [self._rows[number] for number in numbers]
