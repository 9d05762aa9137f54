"""Models in several databases, with a MetaData of their own: other tests know nothing of these databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from sqlalchemy import MetaData, UniqueConstraint
from sqlalchemy.orm import registry

from velox.db import Database, Field, Model, Relationship
from velox.db.model import NAMING_CONVENTION

SHARDS = ("s0", "s1", "s2", "s3")


class Base(Model, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Where these models meet."""


class Order(Base, table=True, shard_by="user_id"):
    """Spread over the shards by its user."""

    id: UUID | None = Field(default=None, primary_key=True)
    user_id: int
    total: int = 0
    note: str | None = None
    items: list["Item"] = Relationship(back_populates="order")  # noqa: UP037 - SQLModel reads it


class Item(Base, table=True, shard_by="user_id"):
    """In the bucket of its order."""

    id: UUID | None = Field(default=None, primary_key=True)
    user_id: int
    order_id: UUID = Field(foreign_key="order.id", index=True)
    name: str
    order: Order | None = Relationship(back_populates="items")


class Setting(Base, table=True, shard_by="user_id"):
    """With the shard key in its primary key, and in what is unique."""

    __table_args__ = (UniqueConstraint("user_id", "rank"),)

    user_id: int = Field(primary_key=True)
    name: str = Field(primary_key=True)
    rank: int


class Event(Base, table=True, database="analytics"):
    """In another database."""

    id: int | None = Field(default=None, primary_key=True)
    name: str


class Note(Base, table=True):
    """In the main database."""

    id: int | None = Field(default=None, primary_key=True)
    text: str


@asynccontextmanager
async def spread(folder: Path) -> AsyncIterator[Database]:
    """A database with another beside it and four shards, all SQLite files with their tables made."""
    database = Database(
        f"sqlite:///{folder}/main.db",
        timeout_s=30,
        databases={"analytics": f"sqlite:///{folder}/analytics.db"},
        shards={name: f"sqlite:///{folder}/{name}.db" for name in SHARDS},
    )
    await database.start()
    try:
        await database.create_tables(Base.metadata)
        yield database
    finally:
        await database.stop()
