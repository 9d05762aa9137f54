"""``python -m examples.techempower.seed``: make the tables in PostgreSQL anew, and fill them."""

from __future__ import annotations

import asyncio
import random

from examples.techempower.settings import ExampleSettings
from examples.techempower.tables import WORLDS, CachedWorld, Fortune, World
from velox.db import Database, Model

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


async def seed(url: str) -> None:
    """Drop the tables of the database at ``url``, create them and fill them."""
    numbers = [(number, random.randint(1, WORLDS)) for number in range(1, WORLDS + 1)]
    database = Database(url)
    await database.start()
    async with database.session() as db:
        connection = await db.connection()
        await connection.run_sync(Model.metadata.drop_all, tables=TABLES)
        await connection.run_sync(Model.metadata.create_all, tables=TABLES)
        await db.insert_many([World(id=number, randomNumber=value) for number, value in numbers])
        await db.insert_many([CachedWorld(id=number, randomNumber=value) for number, value in numbers])
        await db.insert_many([Fortune(id=number, message=message) for number, message in enumerate(MESSAGES, 1)])
    await database.stop()


async def main() -> None:
    await seed(ExampleSettings().database_url)


if __name__ == "__main__":
    asyncio.run(main())
