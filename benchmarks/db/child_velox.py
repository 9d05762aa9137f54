"""Velox: a Reader for each read and a Writer for each write, as a request has them; or a Session for both."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from sqlmodel import bindparam

from benchmarks.db.child import LISTED, Contender, serve
from benchmarks.db.on_velox import Hero
from benchmarks.db.place import for_velox
from velox.db import Database, col, select

FROM = select(Hero).where(col(Hero.id) >= bindparam("low")).order_by(col(Hero.id)).limit(LISTED)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def new() -> Hero:
    return Hero(name="new", city="Springfield", age=42, score=1.5, active=True, created_at=NOON, bio="b" * 100)


class Velox(Contender):
    async def start(self, path: str) -> None:
        self.database = Database(for_velox(path))
        await self.database.start()

    async def get(self, number: int) -> Any:
        async with self.database.reader() as db:
            return await db.get(Hero, number)

    async def list(self, number: int) -> Any:
        async with self.database.reader() as db:
            return await db.exec(FROM, params={"low": number})

    async def insert(self, number: int) -> Any:
        async with self.database.writer() as db:
            return await db.add(new())

    async def stop(self) -> None:
        await self.database.stop()


class Unprepared(Velox):
    """Statements built for each read, as most are."""

    async def list(self, number: int) -> Any:
        async with self.database.reader() as db:
            return await db.exec(select(Hero).where(col(Hero.id) >= number).order_by(col(Hero.id)).limit(LISTED))


class InSession(Velox):
    """A unit of work for each operation."""

    async def get(self, number: int) -> Any:
        async with self.database.session() as db:
            return await db.get(Hero, number)

    async def list(self, number: int) -> Any:
        async with self.database.session() as db:
            return (await db.exec(FROM, params={"low": number})).all()

    async def insert(self, number: int) -> Any:
        async with self.database.session() as db:
            return await db.add(new())


if __name__ == "__main__":
    serve({"reader": Velox, "unprepared": Unprepared, "session": InSession}[sys.argv.pop(1)]())
