"""``python -m examples.techempower.seed``: make the tables in PostgreSQL anew, and fill them."""

from __future__ import annotations

import asyncio
import random

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from examples.techempower.postgres import make_engine
from examples.techempower.settings import ExampleSettings
from examples.techempower.tables import WORLDS, CachedWorld, Fortune, World
from velox.db import Model

__all__ = ["seed"]

MESSAGES = (
    "A cache is a promise that somebody else keeps.",
    "Any sufficiently advanced bug is a feature of another system.",
    "He who measures twice publishes once.",
    "<script>alert('This is text, not a script.');</script>",
    "Premature & overdue optimisation meet in the profiler.",
    "フレームワークのベンチマーク",
)
TABLES = [Model.metadata.tables[name] for name in ("world", "cachedworld", "fortune")]


async def seed(engine: AsyncEngine) -> None:
    """Drop the tables, create them and fill them."""
    worlds = [{"id": number, "randomNumber": random.randint(1, WORLDS)} for number in range(1, WORLDS + 1)]
    fortunes = [{"id": number, "message": message} for number, message in enumerate(MESSAGES, 1)]
    async with engine.begin() as connection:
        await connection.run_sync(Model.metadata.drop_all, tables=TABLES)
        await connection.run_sync(Model.metadata.create_all, tables=TABLES)
        await connection.execute(insert(World), worlds)
        await connection.execute(insert(CachedWorld), worlds)
        await connection.execute(insert(Fortune), fortunes)


async def main() -> None:
    engine = make_engine(ExampleSettings().example_pg_url)
    await seed(engine)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
