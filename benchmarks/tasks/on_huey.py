"""Huey on Redis: one process, threads."""

from __future__ import annotations

import logging
import time

from huey import RedisHuey

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, NAME, URL, main, mark

huey = RedisHuey(NAME, url=URL, results=False)
logging.disable(logging.INFO)


@huey.task(name="noop")
def noop(n: int) -> None:
    mark(n)


@huey.task(name="busy")
def busy(n: int) -> None:
    time.sleep(BUSY_S)
    mark(n)


def enqueue(kind: str, numbers: range) -> None:
    chosen = {"noop": noop, "busy": busy}[kind]
    for n in numbers:
        chosen(n)


def work() -> None:
    huey.create_consumer(workers=CONCURRENCY, worker_type="thread").run()


if __name__ == "__main__":
    main(enqueue, work)
