"""From any table to any other, in columns of every type that a model can have: there, back, and there again."""

from __future__ import annotations

import asyncio
import enum
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import NaiveDatetime
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import registry

from velox.db import Database, Field, Model
from velox.db.migrations.choices import Choices
from velox.db.migrations.cloning import empty_clone
from velox.db.migrations.drift import drift_of
from velox.db.migrations.history import History
from velox.db.migrations.making import compare, new_file, write_proved
from velox.db.migrations.moving import migrate
from velox.db.model import NAMING_CONVENTION


class Colour(enum.Enum):
    """An Enum as models have it."""

    RED = "red"
    BLUE = "blue"


class Own(Model, registry=registry(metadata=MetaData())):
    """Tables that no other test creates."""


class MigratedKinds(Own, table=True):
    """One column of each type."""

    id: int | None = Field(default=None, primary_key=True)
    text: str = ""
    short: str = Field(default="", max_length=20)
    number: int = 0
    ratio: float = 0.5
    flag: bool = True
    amount: Decimal = Decimal("1.5")
    price: Decimal = Field(default=Decimal("9.99"), max_digits=8, decimal_places=2)
    day: date = date(2030, 1, 31)
    moment: datetime = Field(default_factory=lambda: datetime.now(UTC))
    local: NaiveDatetime = datetime(2030, 1, 31, 12)  # noqa: DTZ001 - a local time, on purpose
    clock: time = time(12, 30)
    span: timedelta | None = None
    key: UUID = UUID(int=7)
    colour: Colour = Colour.BLUE
    raw: bytes = b""
    tags: list[str] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)


KINDS = {column.name: column for column in MigratedKinds.__table__.columns if column.name != "id"}


@dataclass(frozen=True)
class Shape:
    """What a column is like besides its type."""

    nullable: bool
    index: bool
    unique: bool


SHAPES = st.builds(Shape, nullable=st.booleans(), index=st.booleans(), unique=st.just(value=False))
TABLES = st.dictionaries(st.sampled_from(sorted(KINDS)), SHAPES, max_size=6)


def metadata_of(columns: dict[str, Shape]) -> MetaData:
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    made = [
        Column(
            name,
            KINDS[name].type,
            default=KINDS[name].default.arg if KINDS[name].default is not None else None,
            nullable=shape.nullable or name == "span",
            index=shape.index and name not in {"tags", "extra"},
        )
        for name, shape in columns.items()
    ]
    Table("thing", metadata, Column("id", Integer, primary_key=True), *made)
    return metadata


@settings(max_examples=12, deadline=None)
@given(st.lists(TABLES, min_size=2, max_size=2))
def test_a_table_becomes_any_other_and_keeps_its_rows(moments: list[dict[str, Shape]]) -> None:
    """Each migration is proved both ways while it is made, with a row in the table from the second one on."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live_through([metadata_of(columns) for columns in moments], Path(folder)))


def test_every_type_can_be_added_to_a_table_with_rows() -> None:
    """With the model's own default."""
    every = dict.fromkeys(KINDS, Shape(nullable=False, index=False, unique=False))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live_through([metadata_of({}), metadata_of(every), metadata_of({})], Path(folder)))


async def live_through(moments: list[MetaData], folder: Path) -> None:
    database = Database(f"sqlite:///{folder}/test.db")
    await database.start()
    try:
        for metadata in moments:
            await step(database, metadata, folder / "migrations")
            async with database.writing_connection() as connection, connection.begin():
                await connection.run_sync(insert_one, metadata)
    finally:
        await database.stop()


async def step(database: Database, metadata: MetaData, folder: Path) -> None:
    history = History.read(folder)
    async with empty_clone(database) as clone:
        drafted = await compare(clone, history, metadata, Choices(keeps_apart=True))
        if drafted is not None:
            file = new_file(history, drafted)
            await write_proved(file, clone, database, history, metadata, folder=folder)
            await migrate(database, History.read(folder))
        assert await drift_of(database, metadata) == []
        assert await compare(clone, History.read(folder), metadata, Choices()) is None


def insert_one(connection: Any, metadata: MetaData) -> None:
    table = metadata.tables["thing"]
    connection.execute(table.insert().values({column.name: None for column in table.columns if column.nullable}))
