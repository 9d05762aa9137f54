"""What ``add`` returns is what a later read returns."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import StatementError

from velox.db import Database, Field, Model, Public, col, select
from velox.errors import ValidationProblem


class Size(Enum):
    SMALL = "s"


class StoredRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str | None = None
    whole: int | None = None
    ratio: float | None = None
    yes: bool | None = None
    size: Size | None = None
    money: Decimal | None = Field(default=None, max_digits=12, decimal_places=2)
    price: Decimal | None = Field(default=None, decimal_places=2)
    amount: Decimal | None = None
    at: datetime | None = None
    day: date | None = None
    hour: time | None = None
    took: timedelta | None = None
    blob: bytes | None = None
    key: uuid.UUID | None = None
    tags: list[Any] | None = None
    extra: dict[str, Any] | None = None
    days: list[date] | None = None
    bytes_by_number: dict[int, bytes] | None = None
    touched_at: datetime | None = Field(
        default=None,
        sa_column_kwargs={"onupdate": lambda: datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))},
    )


VALUES: list[tuple[str, Any, str]] = [
    ("text", "é\u2028\U0001f600", "'é\\u2028😀'"),
    ("whole", -(2**63), "-9223372036854775808"),
    ("ratio", -0.0, "0.0"),
    ("ratio", 3, "3.0"),
    ("yes", True, "True"),
    ("size", Size.SMALL, "<Size.SMALL: 's'>"),
    ("money", Decimal("9.5"), "Decimal('9.50')"),
    ("money", Decimal("-0"), "Decimal('0.00')"),
    ("money", 3, "Decimal('3.00')"),
    ("price", Decimal("1E+30"), f"Decimal('1{'0' * 30}.00')"),
    ("amount", Decimal("9.50"), "Decimal('9.5')"),
    ("amount", Decimal(100), "Decimal('100')"),
    ("amount", Decimal("1E+30"), "Decimal('1E+30')"),
    (
        "at",
        datetime(2026, 1, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
        "datetime.datetime(2026, 1, 1, 10, 0, 0, 5, tzinfo=datetime.timezone.utc)",
    ),
    ("day", date(2026, 1, 1), "datetime.date(2026, 1, 1)"),
    ("hour", time(1, 2, 3, 4), "datetime.time(1, 2, 3, 4)"),
    ("took", timedelta(days=-3, microseconds=7), "datetime.timedelta(days=-3, microseconds=7)"),
    ("blob", b"\x00\xff", "b'\\x00\\xff'"),
    ("key", uuid.UUID(int=1), "UUID('00000000-0000-0000-0000-000000000001')"),
    ("tags", ["a", ("b", date(2026, 1, 1))], "['a', ['b', '2026-01-01']]"),
    ("tags", None, "None"),
    ("extra", {"a": Decimal("1.50")}, "{'a': '1.50'}"),
    ("days", [date(2026, 1, 1)], "[datetime.date(2026, 1, 1)]"),
    ("bytes_by_number", {1: b"\xff"}, "{1: b'\\xff'}"),
]


def shown(row: StoredRow) -> Any:
    return json.loads(Public[StoredRow].__pydantic_serializer__.to_json(row))


@pytest.mark.parametrize(("name", "value", "read"), VALUES)
async def test_an_added_row_has_the_values_that_a_read_returns(
    stored: Database, name: str, value: Any, read: str
) -> None:
    """In the same form, for every type of column: when it is made, when it is changed, and when it is read."""
    async with stored.session() as db:
        made = await db.add(StoredRow(**{name: value}))
        assert read == repr(getattr(made, name))
    async with stored.session() as db:
        changed = await db.add(StoredRow())
        setattr(changed, name, value)
    assert read == repr(getattr(changed, name))
    async with stored.reader() as reader:
        found = await reader.one(select(StoredRow).where(StoredRow.id == made.id))
    assert read == repr(getattr(found, name))
    assert shown(found) == shown(made)


async def test_the_form_costs_no_statement(stored: Database) -> None:
    """One INSERT, and nothing is read again."""
    statements: list[str] = []
    async with stored.session() as db:
        engine = (await db.connection()).engine.sync_engine

        @event.listens_for(engine, "before_cursor_execute")
        def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement.split(maxsplit=1)[0])

        await db.add(StoredRow(money=Decimal("9.5"), at=datetime.now(UTC)))
    assert statements == ["INSERT"]


async def test_what_a_column_computes_has_the_form_too(stored: Database) -> None:
    """A value that ``onupdate`` made is in UTC after the commit."""
    async with stored.session() as db:
        row = await db.add(StoredRow())
        row.text = "changed"
    assert repr(row.touched_at) == "datetime.datetime(2026, 1, 1, 10, 0, tzinfo=datetime.timezone.utc)"


@pytest.mark.parametrize("value", [Decimal("9.555"), Decimal("1234567890123456.78")])
async def test_a_decimal_that_its_column_would_round_is_refused(stored: Database, value: Decimal) -> None:
    """When it is written; comparing with it is fine, and so is computing."""
    async with stored.session() as db:
        await db.add(StoredRow(money=Decimal("9.55")))
        assert (await db.exec(select(StoredRow).where(StoredRow.money == value))).all() == []
        assert len((await db.exec(select(StoredRow).where(col(StoredRow.money) <= value))).all()) == 1
        assert (await db.exec(select(col(StoredRow.money) * 2))).one() == Decimal("19.10")
    row = StoredRow()
    row.money = value
    with pytest.raises((StatementError, ValidationProblem), match=r"digits|more than the database"):
        async with stored.session() as db:
            await db.add(row)


async def test_an_empty_json_column_is_null(stored: Database) -> None:
    """SQL's NULL, so that a query finds it."""
    async with stored.session() as db:
        await db.add(StoredRow(tags=None))
        assert len((await db.exec(select(StoredRow).where(col(StoredRow.tags).is_(None)))).all()) == 1


async def test_a_query_sees_into_json(stored: Database) -> None:
    """An element is plain JSON, whatever the type of the whole."""
    async with stored.session() as db:
        await db.add(StoredRow(days=[date(2026, 1, 1)], extra={"a": {"b": 1}}))
        assert (await db.exec(select(col(StoredRow.days)[0]))).one() == "2026-01-01"
        assert (await db.exec(select(col(StoredRow.extra)["a"]))).one() == {"b": 1}
        found = select(StoredRow.id).where(col(StoredRow.extra)["a"]["b"].as_integer() == 1)
        assert len((await db.exec(found)).all()) == 1


async def test_stored_json_that_does_not_fit_says_so(stored: Database) -> None:
    """After a change of the annotation without a migration, for example."""
    async with stored.session() as db:
        await db.add(StoredRow(tags=["no day"]))
        await db.exec(text("UPDATE storedrow SET days = tags"))  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=r"stored JSON does not fit .*date"):
        async with stored.reader() as reader:
            await reader.one(select(StoredRow))


async def test_what_no_column_can_hold_is_a_422(server: Database) -> None:
    """It comes from the client, so it is no fault of the server."""
    too_much: dict[str, Any] = {"whole": 2**64, "money": Decimal("1E+15")}
    if server.url.startswith("postgresql"):
        too_much["text"] = "no \0 here"
    for name, value in too_much.items():
        row = StoredRow()
        setattr(row, name, value)
        with pytest.raises(ValidationProblem, match="more than the database can store"):
            async with server.session() as db:
                await db.add(row)
