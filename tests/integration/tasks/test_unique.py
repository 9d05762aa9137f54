"""Keys, unique tasks, priorities, schedules and time."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.tasks.conftest import Office
from velox.tasks import State, WrongArguments, enqueue_many, task
from velox.testing import Jobs

pytestmark = pytest.mark.anyio

ran: list[str] = []


@task(unique_for="10m")
async def once(name: str) -> None:
    ran.append(name)


@task
async def note(name: str) -> None:
    ran.append(name)


@task(every="1h", retries=0)
async def hourly() -> None:
    ran.append("hourly")


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def test_a_unique_task_is_enqueued_once_for_the_same_arguments(desk: Office) -> None:
    jobs = Jobs(await desk.open(once))
    first, same, other = await once.enqueue("a"), await once.enqueue("a"), await once.enqueue("b")
    assert (same.id, same.is_new, other.is_new) == (first.id, False, True)
    await jobs.run_all()
    assert sorted(ran) == ["a", "b"]
    assert not (await once.enqueue("a")).is_new  # also when it is done
    await jobs.move("11m")
    assert (await once.enqueue("a")).is_new


async def test_of_many_at_once_with_one_key_one_is_enqueued(desk: Office) -> None:
    await desk.open(note)
    prepared = note.with_options(key="order-42")
    found = await enqueue_many(prepared.draft("a") for _ in range(20))
    more = await asyncio.gather(*(prepared.enqueue("a") for _ in range(20)))
    assert len({job.id for job in [*found, *more]}) == 1


async def test_a_higher_priority_goes_first(desk: Office) -> None:
    jobs = Jobs(await desk.open(note))
    for name, priority in (("low", -1), ("first", 0), ("second", 0), ("high", 9)):
        await note.with_options(priority=priority).enqueue(name)
    await jobs.run_all()
    assert ran == ["high", "first", "second", "low"]


async def test_a_schedule_begins_with_its_next_tick_and_catches_up_one(desk: Office) -> None:
    jobs = Jobs(await desk.open(hourly))
    await jobs.run_all()
    assert ran == []
    await jobs.move("1h")
    await jobs.run_all()
    assert ran == ["hourly"]
    await jobs.move("5h")  # nobody was there for four of its ticks
    await jobs.run_all()
    await jobs.run_all()
    assert ran == ["hourly", "hourly"]


async def test_two_schedulers_fire_a_tick_once(desk: Office) -> None:
    app = await desk.open(hourly)
    one, other = Jobs(app), Jobs(app)
    await one.move("0s")
    await other.move("1h")
    await asyncio.gather(one.run_all(), other.run_all())
    assert ran == ["hourly"]


async def test_wrong_arguments_are_refused_where_they_are_enqueued(desk: Office) -> None:
    await desk.open(note)
    with pytest.raises(WrongArguments, match=r"note cannot be enqueued so: name: Input should be a valid string"):
        await note.enqueue(3)  # type: ignore[arg-type]
    with pytest.raises(WrongArguments, match="missing a required argument: 'name'"):
        await note.enqueue()  # type: ignore[call-arg]


async def test_what_is_kept_long_enough_is_deleted_and_dead_letters_stay(desk: Office) -> None:
    from velox.tasks.keeper import Keeper

    app = await desk.open(note, once)
    jobs = Jobs(app)
    done = await note.enqueue("a")
    await jobs.run_all()
    async with app.jobs.connections.writing() as connection:
        assert (await app.jobs.store.counts(connection)) == {("default", State.SUCCEEDED): 1}
    await Keeper(app.jobs).purge()
    assert await done.state() is State.SUCCEEDED
    await jobs.move("25h")
    await Keeper(app.jobs).purge()
    async with app.jobs.connections.reading() as connection:
        assert (await app.jobs.store.counts(connection)) == {}
