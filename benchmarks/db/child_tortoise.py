"""Tortoise ORM, whose connection is aiosqlite's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tortoise import Tortoise, fields
from tortoise.models import Model

from benchmarks.db.child import LISTED, Contender, serve
from benchmarks.db.place import is_server

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Hero(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(80, db_index=True)
    city = fields.CharField(80)
    age = fields.IntField()
    score = fields.FloatField()
    active = fields.BooleanField()
    created_at = fields.DatetimeField()
    bio = fields.CharField(200)

    class Meta:
        table = "hero"


class OnTortoise(Contender):
    async def start(self, path: str) -> None:
        url = path.replace("postgresql:", "asyncpg:", 1) if is_server(path) else f"sqlite://{path}"
        await Tortoise.init(db_url=url, modules={"models": [__name__]}, use_tz=True)

    async def get(self, number: int) -> Any:
        return await Hero.get_or_none(id=number)

    async def list(self, number: int) -> Any:
        return await Hero.filter(id__gte=number).order_by("id").limit(LISTED)

    async def insert(self, number: int) -> Any:
        await Hero.create(
            name="new", city="Springfield", age=42, score=1.5, active=True, created_at=NOON, bio="b" * 100
        )

    async def stop(self) -> None:
        await Tortoise.close_connections()


if __name__ == "__main__":
    serve(OnTortoise())
