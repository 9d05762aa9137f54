"""A Reader on a server: compiled once, run on the driver, and what a Session reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import NaiveDatetime
from sqlalchemy import Dialect, String, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased, column_property, joinedload
from sqlalchemy.types import TypeDecorator

from velox.db import Database, Field, Model, PageQuery, col, func, select
from velox.db.statements import Statements, Unprepared

pytestmark = pytest.mark.anyio


class ServedColour(Enum):
    RED = "r"
    BLUE = "b"


class Mirrored(TypeDecorator[str]):
    """A type of the user's own."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value[::-1]

    def process_result_value(self, value: str | None, dialect: Dialect) -> str:
        return "nothing" if value is None else value[::-1]


class ServedRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str | None = Field(default=None, max_length=20)
    whole: int | None = None
    ratio: float | None = None
    yes: bool | None = None
    colour: ServedColour | None = None
    money: Decimal | None = Field(default=None, max_digits=12, decimal_places=2)
    amount: Decimal | None = None
    at: datetime | None = None
    local: NaiveDatetime | None = None
    day: date | None = None
    hour: time | None = None
    took: timedelta | None = None
    blob: bytes | None = None
    key: UUID | None = None
    tags: list[date] | None = None
    extra: dict[str, Any] | None = None
    own: str | None = Field(default=None, sa_type=Mirrored)


class ServedPart(Model, table=True):
    """A key of two columns, one of them converted."""

    row_id: int = Field(primary_key=True)
    key: UUID = Field(primary_key=True)
    weight: int = 0


class ServedAnimal(Model, table=True):
    """One table for several classes."""

    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(default="animal", max_length=20)


class ServedSum(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    a: int = 0


ServedSum.twice = column_property(ServedSum.__table__.c.a * 2)


def rows() -> list[Any]:
    full = ServedRow(
        id=1,
        text="wörd % $1",
        whole=2**63 - 1,
        ratio=0.1,
        yes=True,
        colour=ServedColour.BLUE,
        money=Decimal("3.10"),
        amount=Decimal("-2.5"),
        at=datetime(2001, 2, 3, 4, 5, 6, 789, UTC),
        local=datetime(2001, 2, 3, 4, 5, 6),  # noqa: DTZ001 - it has no zone
        day=date(2001, 2, 3),
        hour=time(4, 5, 6, 7),
        took=timedelta(days=1, microseconds=2),
        blob=b"\x00\xff",
        key=UUID(int=7),
        tags=[date(2001, 2, 3)],
        extra={"a": None, "ä": [1, True]},
        own="abc",
    )
    parts = [ServedPart(row_id=1, key=UUID(int=7), weight=2), ServedPart(row_id=1, key=UUID(int=8))]
    return [full, ServedRow(id=2), *parts, ServedAnimal(id=1), ServedSum(id=1, a=3)]


Part = aliased(ServedPart)
FAST: list[Callable[[], Any]] = [
    lambda: select(ServedRow).order_by(col(ServedRow.id)),
    lambda: select(ServedRow).where(col(ServedRow.id).in_([2, 1, 9])).order_by(col(ServedRow.id).desc()).limit(1),
    lambda: select(ServedRow).where(ServedRow.colour == ServedColour.BLUE, ServedRow.key == UUID(int=7)),
    lambda: select(ServedRow).where(col(ServedRow.at) < datetime(2020, 1, 1, tzinfo=UTC)),
    lambda: select(ServedRow).where(col(ServedRow.text).like("%wörd %")),
    lambda: select(ServedRow, ServedPart).join(ServedPart, col(ServedRow.id) == col(ServedPart.row_id)),
    lambda: select(Part.weight, Part).where(Part.weight > 0),
    lambda: select(*[getattr(ServedRow, name) for name in ServedRow.model_fields]).order_by(col(ServedRow.id)),
    lambda: select(func.sum(ServedPart.weight), func.avg(ServedPart.weight), func.max(ServedPart.key)),
    lambda: select(func.sum(ServedRow.money), func.max(ServedRow.at).label("last"), func.count()),
    lambda: select(ServedSum),
    lambda: select(col(ServedRow.extra)["a"], ServedRow.tags).order_by(col(ServedRow.id)),
]
ORDINARY: list[Callable[[], Any]] = [
    lambda: select(ServedAnimal),
    lambda: select(ServedSum).options(joinedload("*")),
]


def shown(value: Any) -> Any:
    """``value`` for comparing: a model by class, identity, attributes and their types."""
    if isinstance(value, Model):
        values = {name: repr(one) for name, one in value.__dict__.items() if name != "_sa_instance_state"}
        return type(value), inspect(value).identity_key, value.model_fields_set, values
    return (type(value), value._fields, [shown(one) for one in value]) if hasattr(value, "_fields") else repr(value)


@pytest.fixture
async def filled(server: Database) -> Database:
    async with server.session() as db:
        db.sync_session.add_all(rows())
    return server


async def answer_of(run: Any) -> Any:
    """What a statement answers, or what its failure is."""
    try:
        return [shown(one) for one in (await run).all()]
    except SQLAlchemyError as error:
        return type(error), type(getattr(error, "orig", None))


async def test_a_reader_reads_what_a_session_reads(filled: Database) -> None:
    """The same classes, values, types, names and identities for every type of column, twice over."""
    for make in [*FAST, *ORDINARY] * 2:
        async with filled.session() as db, filled.reader() as reader:
            assert await answer_of(db.exec(make())) == await answer_of(reader.exec(make()))


async def test_a_row_is_got_by_its_key_as_in_a_session(filled: Database) -> None:
    """By one column or two, converted or not, there or not, of a plain class or not."""
    part = (1, UUID(int=7))
    for model, key in [(ServedRow, 1), (ServedRow, 9), (ServedPart, part), (ServedSum, 1), (ServedAnimal, 1)]:
        async with filled.session() as db, filled.reader() as reader:
            assert shown(await db.get(model, key)) == shown(await reader.get(model, key))


async def test_a_page_is_a_page_of_a_session(filled: Database) -> None:
    """With the same rows and the same number of them."""
    for asked in ({"limit": 1}, {"limit": 1, "offset": 1}, {"limit": 2, "offset": 5}, {"limit": 1, "sort": "-id"}):
        query = PageQuery[ServedRow].model_validate(asked)
        async with filled.session() as db, filled.reader() as reader:
            expected, page = await db.page(select(ServedRow), query), await reader.page(select(ServedRow), query)
        assert ([*map(shown, expected.items)], expected.total) == ([*map(shown, page.items)], page.total)


async def test_the_statements_of_these_tests_go_the_way_that_they_are_for(filled: Database) -> None:
    """Otherwise the fast way would be compared with nothing."""
    statements = Statements(filled._open().read.dialect)
    for make in FAST:
        statements.prepare(make())
    for make in ORDINARY:
        with pytest.raises(Unprepared):
            statements.prepare(make())


async def test_a_column_that_changes_its_type_is_read_by_the_new_one(filled: Database) -> None:
    """A statement is kept for the life of the process; a migration may come meanwhile."""
    statement = select(ServedRow.ratio).where(ServedRow.id == 1)
    async with filled.reader() as reader:
        assert (await reader.exec(statement)).one() == 0.1
    await altered(
        filled, "ADD COLUMN other NUMERIC(6, 2) DEFAULT 2.25", "DROP COLUMN ratio", "RENAME COLUMN other TO ratio"
    )
    try:
        async with filled.reader() as reader:
            assert repr((await reader.exec(statement)).one()) == "2.25"
    finally:
        await altered(filled, "DROP COLUMN ratio", "ADD COLUMN ratio DOUBLE PRECISION")


async def altered(database: Database, *changes: str) -> None:
    async with database.session() as db:
        connection = await db.connection()
        for change in changes:
            await connection.exec_driver_sql(f"ALTER TABLE servedrow {change}")


async def test_a_read_that_is_given_up_costs_nobody_else_an_answer(filled: Database) -> None:
    """A connection with half of an answer in it is not used again."""
    async with filled.reader() as reader:
        for _ in range(3):
            reads = [asyncio.create_task(reader.get(ServedRow, number)) for number in (1, 2, 1, 2)]
            await asyncio.sleep(0)
            reads[0].cancel()
            found = await asyncio.gather(*reads, return_exceptions=True)
            assert isinstance(found[0], asyncio.CancelledError)
            assert [one.id for one in found[1:] if isinstance(one, ServedRow)] == [2, 1, 2]
