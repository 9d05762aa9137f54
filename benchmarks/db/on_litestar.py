"""The same on Litestar with Advanced-Alchemy's repository and aiosqlite."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Annotated, Any

from advanced_alchemy.exceptions import NotFoundError
from advanced_alchemy.extensions.litestar import AsyncSessionConfig, SQLAlchemyAsyncConfig, SQLAlchemyPlugin
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from advanced_alchemy.types import DateTimeUTC
from litestar import Litestar, get, post
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from pydantic import BaseModel
from sqlalchemy import String, event, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.db.place import for_sqlalchemy, is_server


class Base(DeclarativeBase):
    pass


class Hero(Base):
    __tablename__ = "hero"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), index=True)
    city: Mapped[str] = mapped_column(String(80))
    age: Mapped[int]
    score: Mapped[float]
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    bio: Mapped[str] = mapped_column(String(200))


class HeroIn(BaseModel):
    name: str
    city: str
    age: int
    score: float
    active: bool
    created_at: datetime
    bio: str


class HeroOut(HeroIn, from_attributes=True):
    id: int


class HeroPage(BaseModel):
    items: list[HeroOut]
    total: int
    limit: int
    offset: int


class Heroes(SQLAlchemyAsyncRepository[Hero]):
    model_type = Hero


@get("/heroes/{hero_id:int}")
async def read_hero(hero_id: int, db_session: AsyncSession) -> HeroOut:
    try:
        return HeroOut.model_validate(await Heroes(session=db_session).get(hero_id))
    except NotFoundError:
        raise NotFoundException from None


@get("/heroes")
async def list_heroes(
    db_session: AsyncSession,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
    offset: Annotated[int, Parameter(ge=0)] = 0,
) -> HeroPage:
    statement = select(Hero).order_by(Hero.id).limit(limit).offset(offset)
    items = await Heroes(session=db_session).list(statement=statement)
    total = await Heroes(session=db_session).count()
    return HeroPage(items=[HeroOut.model_validate(hero) for hero in items], total=total, limit=limit, offset=offset)


@post("/heroes")
async def create_hero(data: HeroIn, db_session: AsyncSession) -> HeroOut:
    hero = await Heroes(session=db_session).add(Hero(**data.model_dump()), auto_commit=True)
    return HeroOut.model_validate(hero)


config = SQLAlchemyAsyncConfig(
    connection_string=for_sqlalchemy(os.environ["HEROES"]),
    session_config=AsyncSessionConfig(expire_on_commit=False),
)


if not is_server(os.environ["HEROES"]):

    @event.listens_for(config.get_engine().sync_engine, "connect")
    def use_wal(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")


app = Litestar([read_hero, list_heroes, create_hero], plugins=[SQLAlchemyPlugin(config)], openapi_config=None)
