"""``Create[T]`` accepts what its columns keep, which comes back equal, and refuses the rest."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from velox.db import Create, Database, Field, Model, Public, select


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class PropertyRow(Model, table=True):
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    name: str = Field(min_length=1, max_length=20)
    number: int
    ratio: float
    yes: bool
    mood: Mood
    money: Decimal = Field(max_digits=12, decimal_places=2)
    amount: Decimal
    at: datetime
    day: date
    hour: time
    took: timedelta
    blob: bytes
    key: uuid.UUID
    tags: list[str]
    note: str | None = None


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST, LONGEST = FIRST - EPOCH, LAST - EPOCH
ZONES = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(timezone)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

VALID: dict[str, st.SearchStrategy[Any]] = {
    "name": st.text(min_size=1, max_size=20),
    "number": st.integers(-(2**63), 2**63 - 1),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "yes": st.booleans(),
    "mood": st.sampled_from(Mood),
    "money": st.integers(-(10**12) + 1, 10**12 - 1).map(lambda cents: Decimal(cents).scaleb(-2)),
    "amount": st.builds(Decimal.scaleb, st.integers(-(10**15) + 1, 10**15 - 1).map(Decimal), st.integers(-280, 280)),
    "at": st.builds(datetime.astimezone, st.timedeltas(SHORTEST + DAY, LONGEST - DAY).map(EPOCH.__add__), ZONES),
    "day": st.dates(),
    "hour": st.times(),
    "took": st.timedeltas(SHORTEST, LONGEST),
    "blob": st.binary(),
    "key": st.uuids(),
    "tags": st.lists(st.text()),
}
BODIES = st.fixed_dictionaries(VALID, optional={"note": st.text() | st.none()})

NOT_FINITE = st.sampled_from(["nan", "inf", "-inf"])
INVALID: dict[str, st.SearchStrategy[Any]] = {
    "name": st.just("") | st.text(min_size=21),
    "number": st.integers(min_value=2**63) | st.integers(max_value=-(2**63) - 1),
    "ratio": NOT_FINITE.map(float),
    "yes": st.integers(min_value=2),
    "mood": st.text(min_size=5),
    "money": NOT_FINITE.map(Decimal)
    | st.integers(min_value=10**12).map(lambda cents: Decimal(cents).scaleb(-2))
    | st.integers(0, 10**6).map(lambda mills: Decimal(10 * mills + 1).scaleb(-3)),
    # No double's shortest text has more than 17 digits.
    "amount": NOT_FINITE.map(Decimal) | st.integers(10**16, 10**17).map(lambda tens: Decimal(10 * tens + 1)),
    "at": st.datetimes()
    | st.just(FIRST.replace(tzinfo=timezone(MICROSECOND)))
    | st.just(LAST.replace(tzinfo=timezone(-MICROSECOND))),
    "day": st.datetimes().map(lambda moment: moment.replace(microsecond=1)),
    "hour": st.times(timezones=ZONES),
    "took": st.timedeltas(min_value=LONGEST + MICROSECOND) | st.timedeltas(max_value=SHORTEST - MICROSECOND),
    "blob": st.integers(),
    "key": st.text(max_size=31),
    "tags": st.none() | st.text() | st.lists(st.integers(), min_size=1),
    "note": st.integers(),
}


async def stored(body: Any) -> PropertyRow:
    """The row of ``body``, read back by another connection state."""
    database = Database("sqlite://")
    await database.start()
    await database.create_tables(PropertyRow.metadata)
    async with database.session() as db:
        await db.add(PropertyRow.from_(body))
    async with database.reader() as reader:
        row = await reader.one(select(PropertyRow))
    await database.stop()
    return row


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_what_fits_is_accepted_stored_and_read_back_equal(values: dict[str, Any]) -> None:
    """Nothing that a column keeps is refused, and nothing is changed; the row's public form fits its schema."""
    body = Create[PropertyRow](**values)  # type: ignore[operator, misc, unused-ignore]
    row = asyncio.run(stored(body))
    assert values == {name: getattr(row, name) for name in values}
    text = Public[PropertyRow].__pydantic_serializer__.to_json(row)
    assert row.name == Public[PropertyRow].model_validate_json(text).name


@pytest.mark.parametrize("name", INVALID)
@settings(max_examples=20, deadline=None)
@given(values=BODIES, data=st.data())
def test_what_does_not_fit_is_refused(name: str, values: dict[str, Any], data: st.DataObject) -> None:
    """With the name of the field, and of no other."""
    invalid = data.draw(INVALID[name])
    with pytest.raises(ValidationError) as caught:
        Create[PropertyRow](**{**values, name: invalid})  # type: ignore[operator, misc, unused-ignore]
    assert {name} == {error["loc"][0] for error in caught.value.errors()}


def test_every_field_of_a_body_has_values_that_do_not_fit() -> None:
    """So that a new column is not forgotten here."""
    assert set(Create[PropertyRow].model_fields) == set(INVALID) == {*VALID, "note"}  # type: ignore[type-var, unused-ignore]
