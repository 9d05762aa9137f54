"""What belongs to a session's transaction: savepoints, what follows the commit, its one task, and its haste."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from velox.db import Database, Field, Model, Session, SharedSession, select
from velox.errors import Conflict, NotFound


class WorkRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)


async def slugs(database: Database) -> set[str]:
    async with database.reader() as db:
        return set(await db.exec(select(WorkRow.slug)))


async def test_a_savepoint_fails_alone(every: Database) -> None:
    """What came before it stays, and what comes after it goes on."""

    async def fail_in_part(db: Session) -> None:
        async with db.savepoint():
            await db.add(WorkRow(slug="b"))
            await db.add(WorkRow(slug="a"))

    async with every.session() as db:
        await db.add(WorkRow(slug="a"))
        with pytest.raises(Conflict):
            await fail_in_part(db)
        async with db.savepoint():
            await db.add(WorkRow(slug="c"))
    assert await slugs(every) == {"a", "c"}


async def test_hooks_run_in_order_after_the_commit(every: Database) -> None:
    """Each once; they see what was committed, and may open a session of their own."""
    seen: list[object] = []

    async def look() -> None:
        seen.append(await slugs(every))
        async with every.session() as other:
            await other.add(WorkRow(slug="of the hook"))

    async with every.session() as db:
        db.on_commit(lambda: seen.append("first"))
        db.on_commit(look)
        await db.add(WorkRow(slug="a"))
        assert seen == []
        await db.commit()
        assert seen == ["first", {"a"}]
    assert seen == ["first", {"a"}]
    assert await slugs(every) == {"a", "of the hook"}


async def test_hooks_are_forgotten_with_what_is_rolled_back(stored: Database) -> None:
    """Of a session, and of a savepoint."""
    seen: list[str] = []

    async def fail() -> None:
        async with stored.session() as db:
            await db.add(WorkRow(slug="a"))
            db.on_commit(lambda: seen.append("never"))
            raise NotFound

    async def fail_in_part(db: Session) -> None:
        async with db.savepoint():
            db.on_commit(lambda: seen.append("never"))
            raise NotFound

    with pytest.raises(NotFound):
        await fail()
    async with stored.session() as db:
        await db.add(WorkRow(slug="b"))
        db.on_commit(lambda: seen.append("kept"))
        with pytest.raises(NotFound):
            await fail_in_part(db)
    assert seen == ["kept"]


async def test_a_hook_that_fails_is_logged_and_stops_nothing(
    stored: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The commit is a fact, and the client hears of it."""
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("the mail server is away")

    async with stored.session() as db:
        await db.add(WorkRow(slug="a"))
        db.on_commit(fail)
        db.on_commit(lambda: seen.append("next"))
    assert await slugs(stored) == {"a"}
    assert seen == ["next"]
    assert "test_unit_of_work.py" in caplog.text
    assert "the mail server is away" in caplog.text


async def test_a_hook_without_a_transaction_runs_too(stored: Database) -> None:
    """There was nothing to commit, and nothing was rolled back."""
    seen: list[str] = []
    async with stored.session() as db:
        db.on_commit(lambda: seen.append("ran"))
    assert seen == ["ran"]


async def test_a_second_task_is_refused_with_both_places(stored: Database) -> None:
    """Here two tasks would share one transaction; and what the first does stays in order."""

    async def meddle(db: Session) -> None:
        await db.add(WorkRow(slug="b"))

    async with stored.session() as db:
        await db.add(WorkRow(slug="a"))
        with pytest.raises(SharedSession) as caught:
            await asyncio.create_task(meddle(db))
    assert "test_unit_of_work.py" in caught.value.first
    assert "test_unit_of_work.py" in caught.value.here
    assert caught.value.first != caught.value.here
    assert await slugs(stored) == {"a"}


async def test_a_session_can_be_handed_on_by_a_task_that_is_done(stored: Database) -> None:
    """As a test's fixture does."""

    async def begin() -> None:
        await db.add(WorkRow(slug="a"))

    async with stored.session() as db:
        await asyncio.create_task(begin())
        await db.add(WorkRow(slug="b"))
    assert await slugs(stored) == {"a", "b"}


async def test_a_transaction_that_waits_for_something_else_is_reported_once(
    stored: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """With the line that waits; a transaction that is in a hurry is not."""
    watched = Database(stored.url, watch=True)
    await watched.start()

    async def call_a_slow_service() -> None:
        await asyncio.sleep(0.12)

    with caplog.at_level(logging.WARNING, "velox.db"):
        async with watched.session() as db:
            await db.exec(select(WorkRow))
            await asyncio.sleep(0.001)
            await db.exec(select(WorkRow))
        await asyncio.sleep(0.06)
        assert caplog.records == []
        for _ in range(2):
            async with watched.session() as db:
                await db.exec(select(WorkRow))
                await call_a_slow_service()
        async with watched.session() as db:
            await db.exec(select(WorkRow))
            await db.commit()
            await call_a_slow_service()
    await watched.stop()
    (record,) = caplog.records
    assert "test_unit_of_work.py" in record.getMessage()
    assert "50 ms" in record.getMessage()


async def test_the_watch_costs_next_to_nothing(database: Database) -> None:
    """It does no more than to set a timer and to put it off again."""
    watched = Database(database.url, watch=True)
    await watched.start()
    async with watched.session() as db:
        await db.exec(select(WorkRow))
        started = time.process_time()
        for _ in range(1_000):
            with db.use.statement(db):
                pass
        assert time.process_time() - started < 0.2
    await watched.stop()
