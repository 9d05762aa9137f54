"""Whatever ``Create[T]`` accepts is stored and comes back equal."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

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


BODIES = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1, max_size=20),
        "number": st.integers(),
        "ratio": st.floats(),
        "yes": st.booleans(),
        "mood": st.sampled_from(Mood),
        "money": st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
        "amount": st.decimals(),
        "at": st.datetimes(timezones=st.sampled_from([UTC]) | st.none()),
        "day": st.dates(),
        "hour": st.times(),
        "took": st.timedeltas(),
        "blob": st.binary(),
        "key": st.uuids(),
        "tags": st.lists(st.text()),
    },
    optional={"note": st.text() | st.none()},
)


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
def test_what_is_accepted_is_stored_and_read_back_equal(values: dict[str, Any]) -> None:
    """A value that the column cannot keep is refused, never changed; the row's public form fits its schema."""
    try:
        body = Create[PropertyRow](**values)  # type: ignore[operator, misc, unused-ignore]
    except ValidationError:
        return
    row = asyncio.run(stored(body))
    sent = {name: getattr(body, name) for name in type(body).model_fields}
    assert sent == {name: getattr(row, name) for name in sent}
    text = Public[PropertyRow].__pydantic_serializer__.to_json(row)
    assert row.name == Public[PropertyRow].model_validate_json(text).name
