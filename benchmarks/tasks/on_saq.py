"""SAQ on Redis."""

from __future__ import annotations

import asyncio
from typing import Any

from saq import Queue, Worker

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S, NAME, URL, main, mark

runner = asyncio.Runner()
queues: list[Any] = []


async def noop(context: Any, *, n: int) -> None:
    mark(n)


async def busy(context: Any, *, n: int) -> None:
    await asyncio.sleep(BUSY_S)
    mark(n)


def enqueue(kind: str, numbers: range) -> None:
    async def run() -> None:
        if not queues:
            queues.append(Queue.from_url(URL, name=NAME))
            await queues[0].connect()
        for at in range(0, len(numbers), CONCURRENCY):
            some = numbers[at : at + CONCURRENCY]
            await asyncio.gather(*(queues[0].enqueue(kind, n=n, retries=5, timeout=DEAD_AFTER_S) for n in some))

    runner.run(run())


def work() -> None:
    async def run() -> None:
        queue = Queue.from_url(URL, name=NAME)
        await queue.connect()
        functions = [("noop", noop), ("busy", busy)]
        await Worker(queue, functions, concurrency=CONCURRENCY, timers={"sweep": 1}).start()

    asyncio.run(run())


if __name__ == "__main__":
    main(enqueue, work)
