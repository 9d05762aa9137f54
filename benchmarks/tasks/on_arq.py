"""arq."""

from __future__ import annotations

import asyncio
from typing import Any

from arq import Worker, create_pool
from arq.connections import RedisSettings

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S, NAME, URL, main, mark

runner = asyncio.Runner()
pools: list[Any] = []


async def noop(context: Any, n: int) -> None:
    mark(n)


async def busy(context: Any, n: int) -> None:
    await asyncio.sleep(BUSY_S)
    mark(n)


def enqueue(kind: str, numbers: range) -> None:
    async def run() -> None:
        if not pools:
            pools.append(await create_pool(RedisSettings.from_dsn(URL), default_queue_name=NAME))
        for at in range(0, len(numbers), CONCURRENCY):
            await asyncio.gather(*(pools[0].enqueue_job(kind, n) for n in numbers[at : at + CONCURRENCY]))

    runner.run(run())


def work() -> None:
    asyncio.set_event_loop(asyncio.new_event_loop())
    Worker(
        [noop, busy],
        queue_name=NAME,
        redis_settings=RedisSettings.from_dsn(URL),
        max_jobs=CONCURRENCY,
        job_timeout=DEAD_AFTER_S,
        keep_result=0,
        log_results=False,
    ).run()


if __name__ == "__main__":
    main(enqueue, work)
