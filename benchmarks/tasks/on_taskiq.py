"""taskiq: its stream broker, which acknowledges, and its own command as the worker."""

from __future__ import annotations

import asyncio
import os
import sys

from taskiq_redis import RedisStreamBroker

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S, NAME, URL, main, mark

broker = RedisStreamBroker(URL, queue_name=NAME, idle_timeout=DEAD_AFTER_S * 1000)
runner = asyncio.Runner()


@broker.task(task_name="noop")
async def noop(n: int) -> None:
    mark(n)


@broker.task(task_name="busy")
async def busy(n: int) -> None:
    await asyncio.sleep(BUSY_S)
    mark(n)


started: list[bool] = []


def enqueue(kind: str, numbers: range) -> None:
    chosen = {"noop": noop, "busy": busy}[kind]

    async def run() -> None:
        if not started:
            started.append(True)
            await broker.startup()
        for at in range(0, len(numbers), CONCURRENCY):
            await asyncio.gather(*(chosen.kiq(n) for n in numbers[at : at + CONCURRENCY]))

    runner.run(run())


def work() -> None:
    options = ("--workers", "1", "--max-async-tasks", str(CONCURRENCY), "--log-level", "ERROR")
    os.execv(sys.executable, [sys.executable, "-m", "taskiq", "worker", "benchmarks.tasks.on_taskiq:broker", *options])


if __name__ == "__main__":
    main(enqueue, work)
