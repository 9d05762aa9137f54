"""A Reader's JSON is what a list of the models is sent as, whatever the columns hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import NaiveDatetime, TypeAdapter

from velox.db import Database, Field, Model, Public, col, select


class JsonColour(Enum):
    RED = "r"
    BLUE = "b"


class JsonRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str | None = Field(default=None, schema_extra={"serialization_alias": "words"})
    whole: int | None = None
    ratio: float | None = None
    yes: bool | None = None
    colour: JsonColour | None = None
    money: Decimal | None = Field(default=None, max_digits=12, decimal_places=2)
    at: datetime | None = None
    local: NaiveDatetime | None = None
    day: date | None = None
    hour: time | None = None
    took: timedelta | None = None
    blob: bytes | None = None
    key: UUID | None = None
    tags: list[date] | None = None
    extra: dict[str, Any] | None = None
    secret: str = Field(default="hidden", private=True)


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - Hypothesis adds the zone
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ROWS = st.builds(
    JsonRow,
    text=st.none() | TEXT,
    whole=st.none() | st.integers(-(2**63), 2**63 - 1),
    ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.just(1e16),
    yes=st.none() | st.booleans(),
    colour=st.none() | st.sampled_from(JsonColour),
    money=st.none() | st.decimals(-99999, 99999, places=2),
    at=st.none() | st.builds(datetime.replace, MOMENTS, tzinfo=st.just(UTC)),
    local=st.none() | MOMENTS,
    day=st.none() | st.dates(),
    hour=st.none() | st.times(),
    took=st.none() | st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    blob=st.none() | st.binary(max_size=5),
    key=st.none() | st.uuids(),
    tags=st.none() | st.lists(st.dates(), max_size=2),
    extra=st.none() | st.dictionaries(TEXT, st.none() | st.booleans() | TEXT, max_size=2),
)

STATEMENTS: list[Callable[[], Any]] = [
    lambda: select(JsonRow).order_by(col(JsonRow.id)),
    lambda: select(JsonRow).where(JsonRow.secret == "hidden").order_by(col(JsonRow.secret), col(JsonRow.id)).limit(2),
    lambda: select(JsonRow).where(col(JsonRow.id).in_([1, 2])).distinct().order_by(col(JsonRow.id)),
    lambda: select(JsonRow).order_by(col(JsonRow.id)).execution_options(the_ordinary_way=True),
]


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


async def written_alike(database: Database, rows: list[JsonRow]) -> None:
    async with database.session() as db:
        await db.exec(JsonRow.__table__.delete())
        db.sync_session.add_all(rows)
    models: TypeAdapter[Any] = TypeAdapter(list[Public[JsonRow]])
    for make in STATEMENTS:
        async with database.reader() as reader:
            read = list(await reader.exec(make()))
            expected = models.dump_json(models.validate_python(read, from_attributes=True), by_alias=True)
            assert expected == await reader.json(make(), Public[JsonRow])


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(ROWS, max_size=4))
def test_the_json_of_a_reader_is_that_of_the_models(
    runner: asyncio.Runner, opened: Database, rows: list[JsonRow]
) -> None:
    """Byte for byte, for every type of column, the fast way and SQLAlchemy's own."""
    runner.run(written_alike(opened, rows))


def test_many_rows_are_one_array(runner: asyncio.Runner, opened: Database) -> None:
    """They are encoded in parts, so that others have their turn."""
    runner.run(written_alike(opened, [JsonRow(whole=number) for number in range(1001)]))
