"""Jobs that are enqueued inside a transaction belong to it."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.tasks.conftest import Office
from velox import Conflict, Velox
from velox.db import Session
from velox.tasks import Job, JobNotFound, State, enqueue_many, provided, task
from velox.testing import TestClient

pytestmark = pytest.mark.anyio


@task
async def greet(name: str) -> str:
    return f"hello {name}"


@task
async def greet_twice(name: str, db: Session = provided) -> None:
    await greet.enqueue(name)
    await db.commit()
    await greet.enqueue(name)
    if name == "rude":
        raise ValueError("not in this house")


async def all_greetings(app: Velox) -> list[str]:
    async with app.jobs.connections.reading() as connection:
        found = await app.jobs.store.newest(connection, list(State), None, greet.name, 100)
    return [job.payload for job in found]


async def test_a_handler_s_job_is_sent_with_its_commit_and_gone_with_its_rollback(office: Office) -> None:
    app = office.make(greet)

    @app.post("/<name>")
    async def post(name: str, db: Session) -> str:
        job = await greet.enqueue(name)
        assert await job.state() is State.QUEUED  # it sees itself what is not committed yet
        if name == "taken":
            raise Conflict("that name is taken")
        return job.id

    async with TestClient(app) as client, office.at_work(app):
        assert (await client.post("/taken")).status_code == 409
        done = (await client.post("/ada")).json()
        assert await Job[str](app.jobs, greet.name, done).wait("20s") == "hello ada"
        assert await all_greetings(app) == ['{"name":"ada"}']


async def test_without_a_session_a_job_is_safe_when_enqueue_returns(office: Office) -> None:
    app = office.make(greet)

    @app.post("/<name>")
    async def post(name: str) -> str:
        job = await greet.enqueue(name)
        raise RuntimeError(job.id)

    async with TestClient(app) as client, office.at_work(app):
        answer = await client.post("/ada")
        assert answer.status_code == 500
        job = Job[str](app.jobs, greet.name, str(answer.extensions["exception"]))
        assert await job.wait("20s") == "hello ada"


async def test_a_task_s_own_jobs_belong_to_its_session(desk: Office) -> None:
    """What it committed itself stays; the rest goes with its failure."""
    app = await desk.open(greet, greet_twice)
    async with desk.at_work(app):
        await (await greet_twice.enqueue("kind")).wait("20s")
        assert len(await all_greetings(app)) == 2
        job = await greet_twice.with_options(key="once").enqueue("rude")
        while await job.state() is not State.RETRYING:
            pass
        assert (await all_greetings(app)).count('{"name":"rude"}') == 1


async def test_a_job_of_a_rolled_back_transaction_is_not_there(desk: Office) -> None:
    app = desk.make(greet)
    ids: list[str] = []

    @app.post("/")
    async def post(db: Session) -> None:
        ids.extend(job.id for job in await enqueue_many([greet.draft("a"), greet.draft("b")]))
        raise RuntimeError

    async with TestClient(app) as client:
        await client.post("/")
        for each in ids:
            with pytest.raises(JobNotFound, match="never committed"):
                await Job[str](app.jobs, greet.name, each).state()


async def test_a_broker_that_is_down_leaves_jobs_in_the_database(desk: Office) -> None:
    """Enqueuing works, and the jobs are sent when it is back."""
    desk.settings["queue_url"] = "redis://127.0.0.1:1/0"
    await desk.open(greet)
    job = await greet.enqueue("ada")
    assert await job.state() is State.QUEUED
    desk.settings["queue_url"] = ""
    back = desk.make(greet)
    async with back.lifespan(), desk.at_work(back):
        assert await Job[str](back.jobs, greet.name, job.id).wait("20s") == "hello ada"


async def test_a_background_task_that_outlives_its_request_enqueues_on_its_own(desk: Office) -> None:
    """The request's Session is closed by then: the job does not wait for a commit that never comes."""
    app = desk.make(greet)
    answered, jobs = asyncio.Event(), []

    async def later() -> None:
        await answered.wait()
        jobs.append(await greet.enqueue("late"))

    @app.post("/")
    async def post(db: Session) -> None:
        await greet.enqueue("early")
        app.shared_ctx.later = asyncio.create_task(later())

    async with TestClient(app) as client, desk.at_work(app):
        await client.post("/")
        answered.set()
        await app.shared_ctx.later
        assert await jobs[0].wait("20s") == "hello late"
