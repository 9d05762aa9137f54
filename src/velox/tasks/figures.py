"""Jobs in Prometheus' text format, version 0.0.4.

of processes   what they did, added up: counters, what runs, and the latencies of starts
of the queue   what waits and is dead, and for how long the oldest waits: the same whoever is asked
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from itertools import accumulate

from velox.tasks.counters import BOUNDS_S, FIRST_CLASS, NAMES
from velox.tasks.post import Post
from velox.tasks.state import State

__all__ = ["exposition"]

logger = logging.getLogger("velox")

ANSWER_S = 2.0
"""How long the queue may take to answer a scraper."""
TOTALS = {
    "enqueued": "Jobs that were enqueued.",
    "started": "Attempts that were started.",
    "succeeded": "Jobs that succeeded.",
    "retried": "Attempts that failed and are made again.",
    "dead": "Jobs that became dead letters.",
    "handed_back": "Attempts that were given up when a worker stopped.",
}
WAITING = (State.QUEUED, State.SCHEDULED, State.RETRYING)


async def exposition(post: Post, boards: Sequence[Sequence[float]]) -> str:
    """The figures of an app with tasks.

    Args:
        post: The tasks, and their queue. While it does not answer, its figures are left out.
        boards: The cells of each process's :class:`~velox.tasks.counters.Counters`.
    """
    cells = [sum(column) for column in zip(*boards, strict=True)]
    lines = [*total_lines(cells), *latency_lines(cells)]
    try:
        async with asyncio.timeout(ANSWER_S):
            lines += await queue_lines(post)
    except Exception as error:  # noqa: BLE001 - whatever it is, the counters are here
        logger.debug("the queue's figures are left out: %s", error)
    return "".join(f"{line}\n" for line in lines)


def total_lines(cells: Sequence[float]) -> Iterator[str]:
    for name, meaning in TOTALS.items():
        yield from series(f"velox_jobs_{name}_total", "counter", meaning)
        yield f"velox_jobs_{name}_total {cells[NAMES.index(name)]:.0f}"
    yield from series("velox_jobs_running", "gauge", "Jobs that run now, here.")
    yield f"velox_jobs_running {cells[NAMES.index('running')]:.0f}"


def latency_lines(cells: Sequence[float]) -> Iterator[str]:
    name = "velox_job_start_latency_seconds"
    yield from series(name, "histogram", "From enqueuing a job to its first start, with its delay if it has one.")
    counts = list(accumulate(cells[FIRST_CLASS:]))
    for bound, count in zip((*BOUNDS_S, "+Inf"), counts, strict=True):
        yield f'{name}_bucket{{le="{bound}"}} {count:.0f}'
    yield f"{name}_sum {cells[NAMES.index('start_latency_s')]:.9g}"
    yield f"{name}_count {counts[-1]:.0f}"


async def queue_lines(post: Post) -> list[str]:
    """What waits and is dead. In a broker nobody can tell what waits from what runs: it is ``held``."""
    async with post.connections.reading() as connection:
        counts = await post.store.counts(connection, (*WAITING, State.DEAD))
        oldest = await post.store.oldest(connection)
    since = [each for each in (oldest, await post.engine.oldest()) if each is not None]
    queues = {queue: f'queue="{escaped(queue)}"' for queue in sorted({*post.queues, *(queue for queue, _ in counts)})}
    lines = [*series("velox_jobs_waiting", "gauge", "Jobs in the database that wait, by queue and state.")]
    lines += [
        f'velox_jobs_waiting{{{label},state="{state.value}"}} {counts.get((queue, state), 0)}'
        for queue, label in queues.items()
        for state in WAITING
    ]
    lines += series("velox_jobs_dead_letters", "gauge", "Dead letters that are kept, by queue.")
    lines += [
        f"velox_jobs_dead_letters{{{label}}} {counts.get((queue, State.DEAD), 0)}" for queue, label in queues.items()
    ]
    if post.engine.holds:
        held = await post.engine.depth()
        lines += series("velox_jobs_held", "gauge", "Jobs that the broker holds, by queue.")
        lines += [f'velox_jobs_held{{queue="{escaped(queue)}"}} {count}' for queue, count in sorted(held.items())]
    lines += series("velox_jobs_oldest_waiting_seconds", "gauge", "How long the oldest job that can run has waited.")
    age_s = max(0.0, post.now_s() - min(since)) if since else 0.0
    return [*lines, f"velox_jobs_oldest_waiting_seconds {age_s:.3f}"]


def series(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
