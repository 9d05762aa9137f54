"""SQLModel's AsyncSession on aiosqlite, a session for each operation, as its documentation has it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Any

from benchmarks.db.child import LISTED, Contender, serve

os.environ["HEROES"] = sys.argv[1]

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.db.on_fastapi import Hero, engine

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class SqlModel(Contender):
    async def start(self, path: str) -> None:
        pass

    async def get(self, number: int) -> Any:
        async with AsyncSession(engine, expire_on_commit=False) as db:
            return await db.get(Hero, number)

    async def list(self, number: int) -> Any:
        statement = select(Hero).where(Hero.id >= number).order_by(Hero.id).limit(LISTED)  # type: ignore[arg-type, operator]
        async with AsyncSession(engine, expire_on_commit=False) as db:
            return (await db.exec(statement)).all()

    async def insert(self, number: int) -> Any:
        async with AsyncSession(engine, expire_on_commit=False) as db:
            db.add(Hero(name="new", city="Springfield", age=42, score=1.5, active=True, created_at=NOON, bio="b" * 100))
            await db.commit()

    async def stop(self) -> None:
        await engine.dispose()


if __name__ == "__main__":
    serve(SqlModel())
