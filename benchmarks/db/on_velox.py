"""The service of this benchmark on Velox, as a handler's author writes it."""

from __future__ import annotations

from datetime import datetime

from velox import NotFound, Settings, Velox
from velox.db import Create, Field, Model, Page, PageQuery, Public, Reader, Writer, select

__all__ = ["Hero", "create_app"]


class Hero(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True, max_length=80)
    city: str = Field(max_length=80)
    age: int
    score: float
    active: bool
    created_at: datetime
    bio: str = Field(max_length=200)


def create_app() -> Velox:
    """The app; its database is the one of the environment."""
    app = Velox("heroes", settings=Settings())

    @app.get("/heroes/<hero_id>")
    async def read_hero(hero_id: int, db: Reader) -> Public[Hero]:
        hero = await db.get(Hero, hero_id)
        if hero is None:
            raise NotFound
        return hero

    @app.get("/heroes")
    async def list_heroes(query: PageQuery[Hero], db: Reader) -> Page[Public[Hero]]:
        return await db.page(select(Hero), query)

    @app.post("/heroes", status=201)
    async def create_hero(body: Create[Hero], db: Writer) -> Public[Hero]:
        return await db.add(Hero.from_(body))

    return app
