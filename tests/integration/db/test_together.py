"""Rows that are got by key at the same time are read by one statement, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from sys import modules

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DataError, DBAPIError

from tests.integration.db.conftest import opened
from velox.db import Database, Field, Reader, SoftDelete

pytestmark = pytest.mark.anyio


class TogetherRow(SoftDelete, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


@pytest.fixture
async def filled(url_of: Callable[[str], str]) -> AsyncIterator[Database]:
    """300 rows with the keys from 1."""
    async with opened(url_of("postgresql"), modules[__name__]) as found:
        async with found.session() as db:
            db.sync_session.add_all([TogetherRow(id=number, name=f"row {number}") for number in range(1, 301)])
        yield found


@pytest.fixture
def visits(filled: Database) -> list[object]:
    """Grows by one with each connection that a reader takes, which is each statement."""
    seen: list[object] = []
    event.listen(filled._open().read.sync_engine, "checkout", lambda *_: seen.append(None))
    return seen


async def names(reader: Reader, keys: list[int]) -> list[str | None]:
    rows = await asyncio.gather(*(reader.get(TogetherRow, key) for key in keys))
    return [None if row is None else row.name for row in rows]


async def test_what_is_got_at_the_same_time_is_one_statement(filled: Database, visits: list[object]) -> None:
    """Each task gets its own row, or ``None``, whatever the order and whoever else asks."""
    async with filled.reader() as one, filled.reader() as other:
        found = await asyncio.gather(names(one, [3, 1, 999]), names(other, list(range(29, 0, -1))))
    assert ["row 3", "row 1", None] == found[0]
    assert [f"row {number}" for number in range(29, 0, -1)] == found[1]
    assert len(visits) == 1


async def test_two_who_ask_for_one_row_have_a_model_each(filled: Database, visits: list[object]) -> None:
    async with filled.reader() as reader:
        one, other = await asyncio.gather(reader.get(TogetherRow, 7), reader.get(TogetherRow, 7))
    assert one is not None
    assert other is not None
    assert (one.name, one is other, len(visits)) == (other.name, False, 1)


async def test_a_statement_has_at_most_128_keys(filled: Database, visits: list[object]) -> None:
    async with filled.reader() as reader:
        assert await names(reader, list(range(1, 301))) == [f"row {number}" for number in range(1, 301)]
    assert len(visits) == 3


async def test_a_wrong_key_and_a_task_that_gives_up_harm_nobody_else(filled: Database) -> None:
    async with filled.reader() as reader:
        reads = [asyncio.create_task(reader.get(TogetherRow, key)) for key in (1, 2**70, 2, 3)]
        await asyncio.sleep(0)
        reads[2].cancel()
        found = await asyncio.gather(*reads, return_exceptions=True)
    assert isinstance(found[1], DataError)
    assert isinstance(found[2], asyncio.CancelledError)
    assert ["row 1", "row 3"] == [row.name for row in found if isinstance(row, TogetherRow)]


async def test_when_the_server_refuses_all_hear_of_it_at_once(filled: Database, visits: list[object]) -> None:
    """Were each tried again, the last would wait a hundred times as long."""
    async with filled.session() as db:
        await (await db.connection()).exec_driver_sql("ALTER TABLE togetherrow RENAME TO togetherrow_away")
    try:
        async with filled.reader() as reader:
            reads = [reader.get(TogetherRow, key) for key in (1, 2, 3)]
            found = await asyncio.gather(*reads, return_exceptions=True)
        assert all(isinstance(one, DBAPIError) for one in found)
        assert len(visits) == 1
    finally:
        async with filled.session() as db:
            await (await db.connection()).exec_driver_sql("ALTER TABLE togetherrow_away RENAME TO togetherrow")


async def test_a_row_that_was_deleted_softly_is_not_got_with_others(filled: Database) -> None:
    async with filled.session() as db:
        row = await db.get(TogetherRow, 2)
        assert row is not None
        await db.delete(row)
    async with filled.reader() as reader:
        assert await names(reader, [1, 2, 3]) == ["row 1", None, "row 3"]
