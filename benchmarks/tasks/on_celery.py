"""Celery on Redis with threads, once with its defaults and once with late acknowledgement."""

from __future__ import annotations

import os
import time

from celery import Celery

from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S, NAME, URL, main, mark

app = Celery(NAME, broker=URL)
app.conf.update(
    task_default_queue=NAME,
    task_ignore_result=True,
    broker_transport_options={"visibility_timeout": DEAD_AFTER_S},
    task_acks_late="BENCH_LATE" in os.environ,
    task_reject_on_worker_lost="BENCH_LATE" in os.environ,
    worker_hijack_root_logger=False,
)


@app.task(name="noop")
def noop(n: int) -> None:
    mark(n)


@app.task(name="busy")
def busy(n: int) -> None:
    time.sleep(BUSY_S)
    mark(n)


def enqueue(kind: str, numbers: range) -> None:
    chosen = {"noop": noop, "busy": busy}[kind]
    for n in numbers:
        chosen.delay(n)


def work() -> None:
    options = ["--pool", "threads", "--concurrency", str(CONCURRENCY), "--loglevel", "ERROR"]
    app.worker_main(["worker", *options, "--without-gossip", "--without-mingle"])


if __name__ == "__main__":
    main(enqueue, work)
