"""Rows of ``cachedworld`` that were read before."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from examples.techempower.tables import CachedWorld

__all__ = ["WorldCache"]


class WorldCache:
    """A worker's own cache: a missing row is read from PostgreSQL. It grows to the table, about 5 MB, and no further.

    Args:
        engine: Where rows come from.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._rows: dict[int, CachedWorld] = {}

    async def get_many(self, numbers: Sequence[int]) -> list[CachedWorld]:
        """The rows with these ids, in their order.

        Raises:
            KeyError: There is no such row.
        """
        missing = [number for number in numbers if number not in self._rows]
        if missing:
            async with AsyncSession(self._engine) as db:
                rows = await db.exec(select(CachedWorld).where(col(CachedWorld.id).in_(missing)))
                self._rows.update((row.id, row) for row in rows)
        return [self._rows[number] for number in numbers]
