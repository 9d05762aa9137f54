"""The same on FastAPI, SQLModel's AsyncSession and aiosqlite: as SQLModel's and FastAPI's documentation have it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.db.place import for_sqlalchemy, is_server


class HeroBase(SQLModel):
    name: str = Field(index=True, max_length=80)
    city: str = Field(max_length=80)
    age: int
    score: float
    active: bool
    created_at: datetime
    bio: str = Field(max_length=200)


class Hero(HeroBase, table=True):
    id: int | None = Field(default=None, primary_key=True)


class HeroPublic(HeroBase):
    id: int


class HeroPage(BaseModel):
    items: list[HeroPublic]
    total: int
    limit: int
    offset: int


engine = create_async_engine(for_sqlalchemy(os.environ["HEROES"]))


if not is_server(os.environ["HEROES"]):

    @event.listens_for(engine.sync_engine, "connect")
    def use_wal(connection: Any, _record: Any) -> None:
        """What our own connections have: the difference shall not be the disk's."""
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")


async def session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as found:
        yield found


Db = Annotated[AsyncSession, Depends(session)]
app = FastAPI()


@app.get("/heroes/{hero_id}")
async def read_hero(hero_id: int, db: Db) -> HeroPublic:
    hero = await db.get(Hero, hero_id)
    if hero is None:
        raise HTTPException(404)
    return hero  # type: ignore[return-value]


@app.get("/heroes")
async def list_heroes(
    db: Db, limit: Annotated[int, Query(ge=1, le=100)] = 20, offset: Annotated[int, Query(ge=0)] = 0
) -> HeroPage:
    items = (await db.exec(select(Hero).order_by(Hero.id).limit(limit).offset(offset))).all()  # type: ignore[arg-type]
    total = (await db.exec(select(func.count()).select_from(Hero))).one()
    return HeroPage(items=items, total=total, limit=limit, offset=offset)  # type: ignore[arg-type]


@app.post("/heroes", status_code=201)
async def create_hero(body: HeroBase, db: Db) -> HeroPublic:
    hero = Hero.model_validate(body)
    db.add(hero)
    await db.commit()
    return hero  # type: ignore[return-value]
