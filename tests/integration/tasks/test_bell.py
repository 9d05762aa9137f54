"""A hint from PostgreSQL that there are jobs; and that nothing depends on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.tasks.conftest import Office, Require, empty, opened
from velox.tasks import task, worker

pytestmark = pytest.mark.anyio

ENDLESS_S = 600.0


@task
async def nothing() -> None: ...


@pytest.fixture
async def on_postgresql(require: Require, server_databases: Callable[[str], str | None]) -> Any:
    url = server_databases("postgresql")
    require(url, "no postgresql")
    async with opened(str(url), "database") as office:
        yield office
    await empty(str(url))


async def listener(app: Any) -> int:
    """The server's process for the connection that listens; its last statement is that LISTEN for ever."""
    async with asyncio.timeout(20):
        while True:
            async with app.jobs.connections.reading() as connection:
                pid: int | None = await connection.scalar(
                    text("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
                )
            if pid is not None:
                return pid
            await asyncio.sleep(0.01)


async def test_a_worker_hears_of_a_job_that_another_process_enqueues(
    on_postgresql: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not look by itself for ten minutes."""
    monkeypatch.setattr(worker, "POLL_S", ENDLESS_S)
    app = await on_postgresql.open(nothing)
    elsewhere = on_postgresql.make(nothing)
    async with on_postgresql.at_work(app):
        await listener(app)
        nothing.leave(app.jobs)
        async with elsewhere.lifespan():
            job = await nothing.enqueue()
            await job.wait("20s")


async def test_a_job_that_nobody_heard_of_runs_all_the_same(on_postgresql: Office) -> None:
    """The connection that listens is cut: the worker looks by itself."""
    app = await on_postgresql.open(nothing)
    elsewhere = on_postgresql.make(nothing)
    async with on_postgresql.at_work(app):
        pid = await listener(app)
        async with app.jobs.connections.writing() as connection:
            await connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        nothing.leave(app.jobs)
        async with elsewhere.lifespan():
            job = await nothing.enqueue()
            await job.wait("20s")
