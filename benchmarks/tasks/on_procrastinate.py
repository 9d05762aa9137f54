"""procrastinate on PostgreSQL, with the task that its documentation tells to write for jobs of dead workers."""

from __future__ import annotations

import asyncio
from typing import Any

from procrastinate import App, PsycopgConnector

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S, URL, main, mark

app = App(PsycopgConnector(conninfo=URL))
runner = asyncio.Runner()
state: list[bool] = []


@app.task(name="noop")
async def noop(n: int) -> None:
    mark(n)


@app.task(name="busy")
async def busy(n: int) -> None:
    await asyncio.sleep(BUSY_S)
    mark(n)


@app.periodic(cron="* * * * * */2")
@app.task(name="rescue", queueing_lock="rescue", pass_context=True)
async def rescue(context: Any, timestamp: int) -> None:
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_S):
        await app.job_manager.retry_job(job)


def enqueue(kind: str, numbers: range) -> None:
    chosen = {"noop": noop, "busy": busy}[kind]

    async def run() -> None:
        if not state:
            state.append(True)
            await app.open_async()
        await chosen.batch_defer_async(*({"n": n} for n in numbers))

    runner.run(run())


def work() -> None:
    async def run() -> None:
        async with app.open_async():
            if not await app.check_connection_async():
                await app.schema_manager.apply_schema_async()
            await app.run_worker_async(
                concurrency=CONCURRENCY,
                update_heartbeat_interval=DEAD_AFTER_S / 3,
                stalled_worker_timeout=DEAD_AFTER_S,
                install_signal_handlers=False,
            )

    asyncio.run(run())


if __name__ == "__main__":
    main(enqueue, work)
