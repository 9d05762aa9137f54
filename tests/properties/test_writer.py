"""The quick writer and pydantic say the same, whatever is in the fields."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from velox.routing.writer import writer

# RFC 3339, section 5.6: an offset has hours and minutes. (Of offsets with seconds, one rounds and the other cuts off.)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


class Record(BaseModel):
    """A field of every kind."""

    text: str
    count: int
    ratio: float
    on: bool
    at: datetime
    day: date
    hour: time
    price: Decimal
    key: UUID
    maybe: str | None


RECORDS = st.builds(
    Record.model_construct,
    text=st.text(),
    count=st.integers(),
    ratio=st.floats(),
    on=st.booleans(),
    at=st.datetimes(timezones=st.none() | OFFSETS),
    day=st.dates(),
    hour=st.times(),
    price=st.decimals(),
    key=st.uuids(),
    maybe=st.none() | st.text(),
)
ADAPTER = TypeAdapter(list[Record])


@given(st.lists(RECORDS, max_size=3))
def test_the_quick_way_says_what_the_long_way_says(records: list[Record]) -> None:
    """As JSON; the spelling of a float from 1e16 up is the one thing that may differ."""
    write = writer(ADAPTER)
    assert write is not None
    assert json.loads(write(records)) == json.loads(ADAPTER.dump_json(records))
