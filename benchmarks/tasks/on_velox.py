"""Velox: ``enqueue_many`` in the database or to a broker, and ``velox worker``'s crew."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S, NAME, main, mark
from velox import Settings, Velox
from velox.tasks import enqueue_many, task
from velox.tasks.crew import Crew


@task(name="noop")
async def noop(n: int) -> None:
    mark(n)


@task(name="busy")
async def busy(n: int) -> None:
    await asyncio.sleep(BUSY_S)
    mark(n)


def make_app() -> Velox:
    settings = Settings(
        env="test",
        database_url=os.environ["BENCH_DATABASE"],
        queue_url=os.environ["BENCH_QUEUE"],
        create_tables=True,
        database_timeout_s=30.0,
        job_concurrency=CONCURRENCY,
        job_lease_s=float(DEAD_AFTER_S),
    )
    app = Velox(NAME, settings)
    app.register_task(noop)
    app.register_task(busy)
    return app


runner = asyncio.Runner()
opened = AsyncExitStack()
apps: list[Velox] = []


def enqueue(kind: str, numbers: range) -> None:
    chosen = {"noop": noop, "busy": busy}[kind]

    async def run() -> None:
        if not apps:
            apps.append(make_app())
            await opened.enter_async_context(apps[0].lifespan())
        await enqueue_many(chosen.draft(n) for n in numbers)

    runner.run(run())


def work() -> None:
    app = make_app()
    app.setup_loop()

    async def run() -> None:
        async with app.lifespan():
            crew = Crew(app.jobs, 2.0)
            crew.start()
            await crew.wait()

    asyncio.run(run())


if __name__ == "__main__":
    main(enqueue, work)
    runner.run(opened.aclose())
