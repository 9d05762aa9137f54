"""Dramatiq on Redis: one process, threads."""

from __future__ import annotations

import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S, NAME, URL, main, mark

dramatiq.set_broker(RedisBroker(url=URL, namespace=NAME, heartbeat_timeout=DEAD_AFTER_S * 1000))


@dramatiq.actor(actor_name="noop")
def noop(n: int) -> None:
    mark(n)


@dramatiq.actor(actor_name="busy")
def busy(n: int) -> None:
    time.sleep(BUSY_S)
    mark(n)


def enqueue(kind: str, numbers: range) -> None:
    chosen = {"noop": noop, "busy": busy}[kind]
    for n in numbers:
        chosen.send(n)


def work() -> None:
    options = ("--processes", "1", "--threads", str(CONCURRENCY), "--skip-logging")
    os.execv(sys.executable, [sys.executable, "-m", "dramatiq", "benchmarks.tasks.on_dramatiq", *options])


if __name__ == "__main__":
    main(enqueue, work)
