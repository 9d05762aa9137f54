"""A Reader reads what a Session reads, whatever the columns and the statement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import NaiveDatetime
from sqlalchemy import Dialect, String, case, inspect, literal, union_all
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import aliased, column_property, defer, joinedload, undefer
from sqlalchemy.types import TypeDecorator
from sqlmodel._compat import SQLModelConfig

from velox.db import Database, Field, Model, PageQuery, Reader, Relationship, Session, col, func, select, selectinload
from velox.db.statements import Statements, Unprepared


class ReadColour(Enum):
    RED = "r"
    BLUE = "b"


class Backwards(TypeDecorator[str]):
    """A type of the user's own, which also has something to say about ``None``."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value[::-1]

    def process_result_value(self, value: str | None, dialect: Dialect) -> str:
        return "nothing" if value is None else value[::-1]


class ReadRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str | None = Field(default=None, index=True)
    whole: int | None = None
    ratio: float | None = None
    yes: bool | None = None
    colour: ReadColour | None = None
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
    own: str | None = Field(default=None, sa_type=Backwards)
    parts: list[ReadPart] = Relationship(back_populates="row")


class ReadPart(Model, table=True):
    """A key of two columns, one of them converted."""

    row_id: int | None = Field(default=None, primary_key=True, foreign_key="readrow.id")
    key: UUID = Field(primary_key=True)
    weight: int = 0
    row: ReadRow | None = Relationship(back_populates="parts")


class ReadAnimal(Model, table=True):
    """One table for several classes."""

    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "animal"
    name: str = ""


class ReadSum(Model, table=True):
    """What is computed of columns, in SQL and in Python."""

    model_config = SQLModelConfig(ignored_types=(hybrid_property,))
    id: int | None = Field(default=None, primary_key=True)
    a: int = 0
    b: int = 0

    @hybrid_property
    def both(self) -> int:
        return self.a + self.b


ReadSum.twice = column_property(ReadSum.__table__.c.a * 2)

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - Hypothesis adds the zone
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ROWS = st.builds(
    ReadRow,
    text=st.none() | TEXT,
    whole=st.none() | st.integers(-(2**63), 2**63 - 1),
    ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    yes=st.none() | st.booleans(),
    colour=st.none() | st.sampled_from(ReadColour),
    money=st.none() | st.decimals(-99999, 99999, places=2),
    amount=st.none() | st.decimals(-99999, 99999, places=4),
    at=st.none() | st.builds(datetime.replace, MOMENTS, tzinfo=ZONES),
    local=st.none() | MOMENTS,
    day=st.none() | st.dates(),
    hour=st.none() | st.times(),
    took=st.none() | st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    blob=st.none() | st.binary(max_size=5),
    key=st.none() | st.uuids(),
    tags=st.none() | st.lists(st.dates(), max_size=2),
    extra=st.none() | st.dictionaries(TEXT, st.none() | st.booleans() | TEXT, max_size=2),
    own=st.none() | TEXT,
)
PARTS = st.builds(ReadPart, key=st.uuids(), weight=st.integers(-3, 3))
SUMS = st.builds(ReadSum, a=st.integers(-9, 9), b=st.integers(-9, 9))

Other, Part = aliased(ReadRow), aliased(ReadPart)
FAST: list[Callable[[], Any]] = [
    lambda: select(ReadRow).order_by(col(ReadRow.id).desc()).limit(2).offset(1),
    lambda: select(ReadRow).where(col(ReadRow.id).in_([1, 2, 5])),
    lambda: select(ReadRow).where(ReadRow.colour == ReadColour.RED, col(ReadRow.at) < datetime(2000, 1, 1, tzinfo=UTC)),
    lambda: select(ReadRow).join(ReadPart),
    lambda: select(ReadRow, ReadPart).join(ReadPart),
    lambda: select(ReadPart, ReadRow).join(ReadRow).order_by(col(ReadPart.weight)),
    lambda: select(ReadRow, ReadPart).join(ReadPart, isouter=True),
    lambda: select(ReadRow, Other).join(Other, col(ReadRow.id) <= col(Other.id)),
    lambda: select(Part.weight, Part).where(Part.weight > 0),
    lambda: select(ReadPart),
    lambda: select(*[getattr(ReadRow, name) for name in ReadRow.model_fields]),
    lambda: select(ReadRow.id, ReadRow.id, col(ReadRow.text).label("words"), literal(1)),
    lambda: select(ReadRow.money),
    lambda: select(col(ReadRow.at), func.max(ReadRow.at).label("last"), func.count()).group_by(col(ReadRow.at)),
    lambda: select(func.count()).select_from(ReadRow),
    lambda: select(func.sum(ReadPart.weight), func.avg(ReadPart.weight), func.min(ReadRow.took)).join(ReadRow),
    lambda: select(case((col(ReadRow.yes).is_(True), ReadRow.key)), ReadRow.own),
    lambda: select(ReadRow).where(col(ReadRow.id).in_(select(ReadPart.row_id))),
    lambda: select(ReadRow, func.row_number().over(order_by=col(ReadRow.text))),
    lambda: select(aliased(ReadRow, select(ReadRow).where(col(ReadRow.id) > 1).subquery())),
    lambda: select(ReadSum).where(ReadSum.both > 2),
    lambda: select(ReadSum.both, ReadSum.twice),  # type: ignore[attr-defined]
    lambda: select(col(ReadRow.text)).distinct(),
    lambda: select(col(ReadRow.extra)["a"], ReadRow.tags),
]
ORDINARY: list[Callable[[], Any]] = [
    lambda: select(ReadAnimal).order_by(col(ReadAnimal.id)),
    lambda: select(ReadRow).options(joinedload(ReadRow.parts)),  # type: ignore[arg-type]
    lambda: select(ReadRow).options(selectinload(ReadRow.parts)),  # type: ignore[arg-type]
    lambda: select(ReadRow).options(defer(ReadRow.extra), undefer(ReadRow.text)),  # type: ignore[arg-type]
    lambda: union_all(select(ReadRow.id), select(ReadPart.weight)),
    lambda: select(ReadRow.__table__.c.at, ReadRow.__table__.c.money),
]

PAGES: list[Callable[[int], Any]] = [
    lambda n: select(ReadRow),
    lambda n: select(ReadRow).where(ReadRow.id != n),
    lambda n: select(ReadRow).where(col(ReadRow.id).in_([n, n + 1, 3])).order_by(col(ReadRow.text)),
    lambda n: select(ReadRow).join(ReadPart).where(ReadPart.weight > n - 3),
    lambda n: select(ReadRow).join(ReadPart).where(ReadPart.weight > n - 3).distinct(),
    lambda n: select(ReadRow).join(ReadPart).group_by(col(ReadRow.id)).having(func.max(ReadPart.weight) > n - 3),
    lambda n: select(ReadRow).limit(n),
    lambda n: select(ReadRow).options(selectinload(ReadRow.parts)),  # type: ignore[arg-type]
]


def shown(value: Any, met: dict[int, int]) -> Any:
    """``value`` for comparing: a model by class, identity, attributes and their types."""
    if isinstance(value, Model):
        again = met.setdefault(id(value), len(met))
        state = inspect(value)
        names = sorted(value.__dict__.keys() - {"_sa_instance_state"})
        loaded = {name: shown(getattr(value, name), met) for name in names if name != "row"}
        return type(value), again, state.identity_key, value.model_fields_set, loaded
    if isinstance(value, list):
        return [shown(item, met) for item in value]
    if hasattr(value, "_fields"):
        return type(value), value._fields, [shown(item, met) for item in value]
    return repr(value)


async def filled(database: Database, rows: list[ReadRow], parts: list[ReadPart], sums: list[ReadSum]) -> None:
    async with database.session() as db:
        for model in (ReadPart, ReadRow, ReadSum, ReadAnimal):
            await db.exec(model.__table__.delete())
        db.sync_session.add_all([*rows, *sums, ReadAnimal(name="a"), ReadAnimal(name="b")])
        await db.flush()
        for number, part in enumerate(parts):
            part.row_id = rows[number % len(rows)].id
        db.sync_session.add_all(parts)


async def by_session(db: Session, statement: Any) -> Any:
    result: Any = await db.exec(statement)
    return shown(list((result.unique() if "LEFT OUTER JOIN readpart AS" in str(statement) else result).all()), {})


async def by_reader(db: Reader, statement: Any) -> Any:
    return shown(list((await db.exec(statement)).all()), {})


async def read_alike(database: Database, statements: list[Callable[[], Any]]) -> None:
    for make in statements:
        async with database.session() as db:
            expected = await by_session(db, make())
        async with database.reader() as reader:
            assert expected == await by_reader(reader, make())


async def paged_alike(database: Database, asked: dict[str, Any]) -> None:
    query = PageQuery[ReadRow].model_validate(asked)
    for make in PAGES:
        for n in (1, 2, 4):
            async with database.session() as db, database.reader() as reader:
                expected, page = await db.page(make(n), query), await reader.page(make(n), query)
            assert (shown(expected.items, {}), expected.total) == (shown(page.items, {}), page.total)


@pytest.fixture
def runner() -> Any:
    with asyncio.Runner() as found:
        yield found


@pytest.fixture
def opened(runner: asyncio.Runner, tmp_path: Path) -> Any:
    database = Database(f"sqlite:///{tmp_path}/test.db")
    runner.run(database.start())
    runner.run(database.create_tables())
    yield database
    runner.run(database.stop())


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(ROWS, min_size=1, max_size=4), parts=st.lists(PARTS, max_size=4), sums=st.lists(SUMS, max_size=2))
def test_a_reader_reads_what_a_session_reads(
    runner: asyncio.Runner, opened: Database, rows: list[ReadRow], parts: list[ReadPart], sums: list[ReadSum]
) -> None:
    """The same classes, values, types, names and identities, whether the fast way or the ordinary one is taken."""
    runner.run(filled(opened, rows, parts, sums))
    runner.run(read_alike(opened, [*FAST, *ORDINARY]))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(ROWS, min_size=1, max_size=5),
    parts=st.lists(PARTS, max_size=5),
    asked=st.fixed_dictionaries(
        {"limit": st.integers(1, 3), "offset": st.integers(0, 3)}, optional={"sort": st.sampled_from(["-text", "id"])}
    ),
)
def test_a_page_of_a_reader_is_a_page_of_a_session(
    runner: asyncio.Runner, opened: Database, rows: list[ReadRow], parts: list[ReadPart], asked: dict[str, Any]
) -> None:
    """The same rows and the same number of them, although the statements are made once for all values."""
    runner.run(filled(opened, rows, parts, []))
    runner.run(paged_alike(opened, asked))


def test_a_row_is_got_by_its_key_as_in_a_session(runner: asyncio.Runner, opened: Database) -> None:
    """By one column or two, converted or not, there or not."""

    async def get_alike() -> None:
        part = ReadPart(key=UUID(int=7), weight=1)
        await filled(opened, [ReadRow(text="a")], [part], [ReadSum(a=1)])
        keys = [(ReadRow, part.row_id), (ReadRow, 10**6), (ReadRow, str(part.row_id)), (ReadSum, 1), (ReadAnimal, 1)]
        for model, key in [*keys, (ReadPart, (part.row_id, part.key)), (ReadPart, (part.row_id, UUID(int=8)))]:
            async with opened.session() as db, opened.reader() as reader:
                assert shown(await db.get(model, key), {}) == shown(await reader.get(model, key), {})

    runner.run(get_alike())


def test_the_statements_of_these_tests_go_the_way_that_they_are_for(runner: asyncio.Runner, opened: Database) -> None:
    """Otherwise the fast way would be compared with nothing."""
    statements = Statements(opened._open().read.dialect)
    for make in FAST:
        statements.prepare(make())
    for make in ORDINARY:
        with pytest.raises(Unprepared):
            statements.prepare(make())
