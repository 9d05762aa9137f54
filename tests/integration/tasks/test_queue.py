"""What every queue promises; the same tests on each."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.integration.tasks.conftest import Office, QueueRow
from velox.db import Session, select
from velox.tasks import Attempt, JobFailed, State, enqueue_many, provided, rabbitmq, task
from velox.tasks.figures import exposition
from velox.tasks.keeper import Keeper
from velox.tasks.turns import held_up
from velox.testing import TestClient

pytestmark = pytest.mark.anyio

DEADLINE_S = 20.0


@task
async def double(n: int) -> int:
    return 2 * n


@task
def blocking(n: int) -> dict[str, int]:
    return {"n": n}


@task
async def write(n: int, db: Session = provided) -> None:
    await db.add(QueueRow(n=n))


@task(retries=2, backoff="0s")
async def stumble(attempt: Attempt = provided) -> int:
    if attempt.number < 3:
        raise ValueError(f"attempt {attempt.number}")
    return attempt.number


@task(retries=1, backoff="0s")
async def fail(n: int, db: Session = provided) -> None:
    await db.add(QueueRow(n=n))
    raise ValueError("as always")


@task(retries=0, timeout="100ms")
async def hang() -> None:
    await asyncio.sleep(60)


@task(retries=0, rate="2/h")
async def rarely(attempt: Attempt = provided) -> int:
    return attempt.number


@task(retries=0)
async def leave() -> None:
    raise SystemExit(3)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)


async def test_a_job_runs_and_gives_its_result(office: Office) -> None:
    async with office.at_work(await office.open(double, blocking)):
        job = await double.enqueue(21)
        assert await job.wait(DEADLINE_S) == 42
        assert (await job.state(), await job.result()) == (State.SUCCEEDED, 42)
        assert await (await blocking.enqueue(7)).wait(DEADLINE_S) == {"n": 7}


async def test_jobs_wait_for_a_worker_that_comes_later(office: Office) -> None:
    """Also those that were sent before any worker was ever there."""
    app = await office.open(double)
    jobs = await enqueue_many([double.draft(n) for n in range(50)])
    async with office.at_work(app):
        assert [await job.wait(DEADLINE_S) for job in jobs] == [2 * n for n in range(50)]


async def test_a_failed_job_is_tried_again_until_it_succeeds(office: Office) -> None:
    async with office.at_work(await office.open(stumble)):
        assert await (await stumble.enqueue()).wait(DEADLINE_S) == 3


async def test_a_job_that_fails_for_the_last_time_is_dead_and_has_written_nothing(office: Office) -> None:
    app = await office.open(fail)
    async with office.at_work(app):
        job = await fail.enqueue(1)
        with pytest.raises(JobFailed, match="ValueError: as always"):
            await job.wait(DEADLINE_S)
        assert await job.state() is State.DEAD
    async with app.database.reader() as db:
        assert (await db.exec(select(QueueRow))).all() == []


async def test_a_dead_job_that_is_retried_runs_again(office: Office) -> None:
    app = await office.open(fail)
    async with office.at_work(app):
        job = await fail.enqueue(1)
        await until(lambda: is_in(job, State.DEAD))
        before = app.jobs.counters.started
        async with app.jobs.connections.writing() as connection:
            assert await app.jobs.store.retry(connection, [job.id], time.time()) == 1
        await until(lambda: app.jobs.counters.started > before)


async def is_in(job: Any, state: State) -> bool:
    found: State = await job.state()
    return found is state


async def test_an_attempt_ends_at_its_timeout(office: Office) -> None:
    async with office.at_work(await office.open(hang)):
        with pytest.raises(JobFailed, match=r"longer than its timeout of 0\.1 s"):
            await (await hang.enqueue()).wait(DEADLINE_S)


async def test_a_task_cannot_end_its_worker(office: Office) -> None:
    async with office.at_work(await office.open(leave, double)):
        with pytest.raises(JobFailed, match="SystemExit: 3"):
            await (await leave.enqueue()).wait(DEADLINE_S)
        assert await (await double.enqueue(1)).wait(DEADLINE_S) == 2


async def test_the_second_delay_does_not_wait_for_the_first(office: Office) -> None:
    """Q7: eight seconds, then one: the second job starts after one, and long before the first."""
    async with office.at_work(await office.open(double)):
        late = await double.with_options(delay="8s").enqueue(1)
        soon = await double.with_options(delay="1s").enqueue(2)
        began_s = time.monotonic()
        assert await soon.wait(DEADLINE_S) == 4
        assert 0.9 <= time.monotonic() - began_s <= 6.0
        assert await late.state() is State.SCHEDULED


async def test_a_key_is_enqueued_once(office: Office) -> None:
    async with office.at_work(await office.open(double)):
        jobs = await asyncio.gather(*(double.with_options(key="order-42").enqueue(n) for n in range(10)))
        assert len({job.id for job in jobs}) == 1
        assert sum(job.is_new for job in jobs) == 1
        await jobs[0].wait(DEADLINE_S)


async def test_a_worker_that_is_stopped_hands_back_what_it_cannot_finish(office: Office) -> None:
    @task(timeout="60s")
    async def slow() -> None:
        started.set()
        await asyncio.sleep(30 if not calm else 0)

    started, calm = asyncio.Event(), False
    app = await office.open(slow)
    async with office.at_work(app, grace_s=0.1):
        job = await slow.enqueue()
        await started.wait()
    assert app.jobs.counters.handed_back == 1
    calm = True
    async with office.at_work(app):
        await job.wait(DEADLINE_S)
    # A job that is handed back has not failed.
    assert (await app.jobs.look(job.id)).failures == 0


async def test_an_unknown_task_is_put_back_for_a_worker_that_knows_it(office: Office) -> None:
    """A rolling deployment: the old worker meets a new task."""
    app = await office.open(double, write)
    old = office.make(write)
    job = await double.enqueue(4)
    async with old.lifespan(), office.at_work(old):
        await until(lambda: is_in(job, State.RETRYING))
    async with office.at_work(app):
        assert await job.wait(DEADLINE_S) == 8


async def test_arguments_that_do_not_fit_any_more_are_a_dead_letter(office: Office) -> None:
    @task(name="changed")
    async def before(n: str) -> None: ...

    @task(name="changed")
    async def after(n: int) -> None: ...

    await office.open(before)
    job = await before.enqueue("three")
    new = office.make(after)
    async with new.lifespan(), office.at_work(new):
        with pytest.raises(JobFailed, match="do not fit changed: n: Input should be a valid integer"):
            await job.wait(DEADLINE_S)


async def test_the_effects_of_a_job_that_is_delivered_twice_happen_once(office: Office) -> None:
    """Its worker committed, and died before it could say so: the next one finds the effect, and does not run it."""
    app = await office.open(write)
    job = await write.enqueue(1)
    async with app.jobs.connections.writing() as connection:
        assert await app.jobs.store.take_effect(connection, job.id)
    async with office.at_work(app):
        await job.wait(DEADLINE_S)
    async with app.database.reader() as db:
        assert (await db.exec(select(QueueRow))).all() == []


async def test_two_queues_have_workers_of_their_own(office: Office) -> None:
    @task(queue="slow")
    async def sleepy() -> str:
        return "slept"

    app = await office.open(double, sleepy)
    waits = await sleepy.enqueue()
    async with office.at_work(app, queues=["default"]):
        assert await (await double.enqueue(2)).wait(DEADLINE_S) == 4
        assert await waits.state() is State.QUEUED
    async with office.at_work(app, queues=["slow"]):
        assert await waits.wait(DEADLINE_S) == "slept"


async def test_the_counters_tell_what_was_done(office: Office) -> None:
    app = await office.open(double, fail)
    async with office.at_work(app):
        await (await double.enqueue(1)).wait(DEADLINE_S)
        job = await fail.enqueue(1)
        await until(lambda: is_in(job, State.DEAD))
    counters = app.jobs.counters
    assert (counters.enqueued, counters.succeeded, counters.retried, counters.dead) == (2, 1, 1, 1)
    assert (counters.running, counters.first_starts) == (0, 2)


async def test_the_figures_tell_what_was_done_and_what_waits(office: Office) -> None:
    """The same names on each queue; what a broker holds is counted by the broker."""
    office.settings["metrics"] = True
    app = await office.open(double, fail)
    async with office.at_work(app):
        await (await double.enqueue(1)).wait(DEADLINE_S)
        job = await fail.enqueue(1)
        await until(lambda: is_in(job, State.DEAD))
    await double.enqueue(2)
    await double.with_options(delay="1h").enqueue(3)
    async with TestClient(app) as client:
        shown = (await client.get("/metrics")).text.splitlines()
    figures = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in shown if line[0] != "#")}
    totals = ("enqueued", "started", "succeeded", "retried", "dead", "handed_back")
    assert [figures[f"velox_jobs_{name}_total"] for name in totals] == [4, 3, 1, 1, 1, 0]
    assert figures["velox_jobs_running"] == 0
    assert figures['velox_job_start_latency_seconds_bucket{le="+Inf"}'] == 2
    assert figures["velox_job_start_latency_seconds_count"] == 2
    assert figures["velox_job_start_latency_seconds_sum"] > 0
    assert figures['velox_jobs_waiting{queue="default",state="scheduled"}'] == 1
    assert figures['velox_jobs_dead_letters{queue="default"}'] == 1
    if app.jobs.engine.holds:
        assert figures['velox_jobs_held{queue="default"}'] == 1
    else:
        assert figures['velox_jobs_waiting{queue="default",state="queued"}'] == 1
    if app.jobs.engine.name != "rabbitmq":
        assert figures["velox_jobs_oldest_waiting_seconds"] > 0


async def test_without_its_queue_the_counters_are_still_told(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scraper that gets nothing would take the process for dead."""
    app = await desk.open(double)
    await double.enqueue(1)

    async def fails() -> float | None:
        raise ConnectionError

    monkeypatch.setattr(app.jobs.engine, "oldest", fails)
    shown = await exposition(app.jobs, [app.jobs.counters.cells])
    assert "velox_jobs_enqueued_total 1\n" in shown
    assert "velox_jobs_waiting" not in shown


async def test_a_crew_is_ready_when_its_queue_answers(office: Office) -> None:
    app = await office.open(double)
    async with office.at_work(app) as crew:
        assert await crew.ready() is None


async def test_without_its_broker_a_server_is_ready_and_keeps_jobs_and_a_worker_is_not_ready(
    desk: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens: whoever connects is refused
        desk.settings["queue_url"] = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
        app = await desk.open(double)
        jobs = [await double.enqueue(n) for n in range(2)]
        async with app.jobs.connections.reading() as connection:
            assert await app.jobs.store.counts(connection) == {("default", State.QUEUED): len(jobs)}
        assert await app.readiness() == {}
        assert caplog.text.count("the queue does not take jobs") == 1
        async with desk.at_work(app, works=False) as crew:
            assert "does not answer" in (await crew.ready() or "")


async def test_a_rate_holds_for_all_workers_together_and_loses_nothing(office: Office) -> None:
    """Two start, and two come back later; none of them has used up an attempt, and another task is not held up."""
    app = await office.open(rarely, double)
    jobs = await enqueue_many([rarely.draft() for _ in range(4)])
    async with office.at_work(app, concurrency=2), office.at_work(app, concurrency=2):
        assert await (await double.enqueue(1)).wait(DEADLINE_S) == 2
        await until(lambda: counted(jobs, {State.SUCCEEDED: 2, State.SCHEDULED: 2}))
        app.jobs.clock_shift_s += 3600.0
        assert [await job.wait(DEADLINE_S) for job in jobs] == [1] * 4


async def test_a_job_over_its_rate_keeps_the_count_of_the_workers_it_has_killed(desk: Office) -> None:
    app = await desk.open(rarely)
    await enqueue_many([rarely.draft() for _ in range(3)])
    claimed = await app.jobs.engine.claim(["default"], 3)
    app.jobs.clock_shift_s += 10.0  # the worker is dead: its leases end
    await Keeper(app.jobs).promote()
    claimed = await app.jobs.engine.claim(["default"], 3)
    (later,) = await held_up(app.jobs, claimed)
    await app.jobs.engine.finish([later])
    app.jobs.clock_shift_s += 3600.0
    await Keeper(app.jobs).promote()
    (again,) = [
        each for each in await app.jobs.engine.claim(["default"], 3) if each.message.id == later.delivery.message.id
    ]
    assert again.deliveries == 2


async def counted(jobs: Sequence[Any], states: dict[State, int]) -> bool:
    return Counter([await job.state() for job in jobs]) == states


async def test_a_large_batch_is_confirmed_in_groups(office: Office, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the last of it would be too late, and the whole batch be kept in the database as well: run twice."""
    if kind != "rabbitmq":
        pytest.skip("a matter of RabbitMQ's confirmations")
    monkeypatch.setattr(rabbitmq, "SENT_AT_ONCE", 3)
    publish, waiting, most = rabbitmq.RabbitEngine._publish, [], 0

    async def counting(*args: Any) -> None:
        nonlocal most
        waiting.append(args)
        most = max(most, len(waiting))
        await publish(*args)
        waiting.pop()

    monkeypatch.setattr(rabbitmq.RabbitEngine, "_publish", counting)
    app = await office.open(double)
    jobs = await enqueue_many([double.draft(n) for n in range(10)])
    async with office.at_work(app):
        assert [await job.wait(DEADLINE_S) for job in jobs] == [2 * n for n in range(10)]
    assert most == 3
