"""Many rows at once: ``insert_many``, ``upsert`` and ``stream`` on every kind of database."""

from __future__ import annotations

import contextlib
import gc
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from velox.db import Database, Field, Model, Timestamps, Versioned, col, func, select
from velox.errors import Conflict, ValidationProblem


class BulkRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=40)
    n: int = 0
    price: Decimal | None = Field(default=None, max_digits=8, decimal_places=2)
    tags: list[str] | None = None
    at: datetime | None = None


class BulkKept(Timestamps, Versioned, table=True):
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=40)
    n: int = 0


async def slugs(database: Database) -> dict[str, int]:
    async with database.reader() as db:
        return {row.slug: row.n for row in await db.exec(select(BulkRow).order_by(col(BulkRow.id)))}


async def statements(database: Database, work: Any) -> int:
    """How many statements ``work`` sends."""
    async with database.session() as db:
        sent: list[str] = []
        engine = (await db.connection()).engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
        await work(db)
    return len(sent)


async def test_many_rows_are_inserted_in_few_statements(every: Database) -> None:
    """With every column in its type."""
    rows = [
        BulkRow(slug=f"s{number}", n=number, price=Decimal("1.50"), tags=["a"], at=datetime(2026, 1, 1, tzinfo=UTC))
        for number in range(2_000)
    ]
    assert await statements(every, lambda db: db.insert_many(rows)) <= 2
    async with every.reader() as db:
        found = list(await db.exec(select(BulkRow).order_by(col(BulkRow.n))))
    assert len(found) == 2_000
    last = found[-1]
    assert (last.slug, last.n, last.price, last.tags, last.at) == ("s1999", 1999, Decimal("1.50"), ["a"], rows[0].at)
    assert rows[0].id is None


async def test_a_row_that_does_not_fit_refuses_all(stored: Database) -> None:
    """And names its field."""
    with pytest.raises(Conflict, match="slug is taken"):
        async with stored.session() as db:
            await db.insert_many([BulkRow(slug="a"), BulkRow(slug="b"), BulkRow(slug="a")])
    wrong = BulkRow(slug="b")
    wrong.slug = None  # type: ignore[assignment]
    with pytest.raises(ValidationProblem, match="null"):
        async with stored.session() as db:
            await db.insert_many([BulkRow(slug="a"), wrong])
    assert await slugs(stored) == {}


async def test_no_rows_are_no_work(stored: Database) -> None:
    async with stored.session() as db:
        await db.insert_many([])
        await db.upsert([], on=["slug"])
        assert not db.in_transaction()


async def test_an_upsert_inserts_what_is_new_and_updates_what_is_there(every: Database) -> None:
    async with every.session() as db:
        await db.add(BulkRow(slug="old", n=1, tags=["kept"]))
        await db.upsert([BulkRow(slug="old", n=5), BulkRow(slug="new", n=6)], on=["slug"], update=["n"])
    assert await slugs(every) == {"old": 5, "new": 6}
    async with every.reader() as reader:
        assert (await reader.one(select(BulkRow).where(BulkRow.slug == "old"))).tags == ["kept"]


async def test_an_upsert_can_leave_what_is_there_as_it_is(stored: Database) -> None:
    async with stored.session() as db:
        await db.add(BulkRow(slug="old", n=1))
        await db.upsert([BulkRow(slug="old", n=5), BulkRow(slug="new", n=6)], on=["slug"], update=[])
    assert await slugs(stored) == {"old": 1, "new": 6}


async def test_an_upsert_takes_over_all_that_is_given_and_keeps_the_books(stored: Database) -> None:
    """The row stays the one that it was: its key, when it was made; and its version tells of the write."""
    async with stored.session() as db:
        before = await db.add(BulkKept(slug="a", n=1))
    async with stored.session() as db:
        await db.upsert([BulkKept(slug="a", n=2)], on=["slug"])
    async with stored.reader() as reader:
        after = await reader.one(select(BulkKept))
    assert (after.id, after.n, after.created_at, after.version) == (before.id, 2, before.created_at, 2)
    assert after.updated_at > before.updated_at


async def test_rows_are_streamed_in_bounded_memory(stored: Database) -> None:
    """Of forty megabytes of rows, a few are in memory at a time, beside what a statement takes the first time."""
    async with stored.session() as db:
        for part in range(4):
            await db.insert_many([BulkRow(slug=f"s{part}-{n}", tags=["x" * 10_000]) for n in range(1_000)])
    async with stored.reader() as reader:
        assert (await reader.one(select(func.count()).select_from(BulkRow))) == 4_000
    gc.collect()
    gc.freeze()  # or the collector, which has all tests' objects to look at, would leave the rows' circles for later
    async with stored.reader() as reader:
        tracemalloc.start()
        count = 0
        async for row in reader.stream(select(BulkRow), batch=100):
            count += len(row.slug) > 0
            if count % 100 == 0:
                gc.collect()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    gc.unfreeze()
    assert count == 4_000
    assert peak_bytes < 12_000_000


async def test_a_stream_left_early_leaves_the_connection_in_order(every: Database) -> None:
    async with every.session() as db:
        await db.insert_many([BulkRow(slug=f"s{n}", n=n) for n in range(1_000)])
    async with every.session() as db:
        async with contextlib.aclosing(db.stream(select(BulkRow.n), batch=10).__aiter__()) as numbers:
            assert await anext(numbers) in range(1_000)
        assert (await db.exec(select(func.count()).select_from(BulkRow))).one() == 1_000
    async with every.session() as db:
        pairs = [pair async for pair in db.stream(select(BulkRow.slug, BulkRow.n).where(BulkRow.n == 7))]
    assert [tuple(pair) for pair in pairs] == [("s7", 7)]
