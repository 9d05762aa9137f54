"""The floor on PostgreSQL: asyncpg's pool, and its records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg

from benchmarks.db.child import LISTED, Contender, Row, serve
from benchmarks.db.rows import COLUMNS

NAMES = ", ".join(COLUMNS)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Asyncpg(Contender):
    async def start(self, path: str) -> None:
        self.pool = await asyncpg.create_pool(path, min_size=5, max_size=5)

    async def get(self, number: int) -> Any:
        return Row(*await self.pool.fetchrow(f"SELECT {NAMES} FROM hero WHERE id = $1", number))

    async def list(self, number: int) -> Any:
        sql = f"SELECT {NAMES} FROM hero WHERE id >= $1 ORDER BY id LIMIT $2"
        return [Row(*record) for record in await self.pool.fetch(sql, number, LISTED)]

    async def insert(self, number: int) -> Any:
        sql = "INSERT INTO hero (name, city, age, score, active, created_at, bio) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        await self.pool.execute(sql, "new", "Springfield", 42, 1.5, True, NOON, "b" * 100)

    async def stop(self) -> None:
        await self.pool.close()


if __name__ == "__main__":
    serve(Asyncpg())
