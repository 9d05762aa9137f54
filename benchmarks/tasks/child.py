"""What all contenders share: the marks that jobs leave, and the command line ``enqueue KIND COUNT`` and ``work``.

It is imported in the peers' environments, too, so it needs nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

__all__ = ["BUSY_S", "CONCURRENCY", "DEAD_AFTER_S", "NAME", "URL", "main", "mark"]

BUSY_S = 0.01
"""How long a job of the kind ``busy`` waits for something."""
CONCURRENCY = 32
"""Jobs that a worker runs at once: coroutines, or threads."""
DEAD_AFTER_S = 5
"""After how many seconds a worker that says nothing is taken for dead, where a library has such a setting."""
NAME = os.environ.get("BENCH_NAME", "bench")
URL = os.environ.get("BENCH_URL", "")


def mark(n: int) -> None:
    """Note that a job is done: a line of 28 bytes, its number and a time that is the same clock in all processes."""
    os.write(_marks(), b"%010d %016.6f\n" % (n, time.monotonic()))


def _marks() -> int:
    global _file  # noqa: PLW0603 - one a process
    if _file is None:
        _file = os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return _file


_file: int | None = None


def main(enqueue: Callable[[str, range], None], work: Callable[[], None]) -> None:
    """Do what the command line says.

    Args:
        enqueue: Enqueues jobs of a kind (``noop`` or ``busy``) with these numbers, as its library does it best.
        work: Runs a worker until it is killed.
    """
    if sys.argv[1] == "work":
        work()
        return
    kind, first, count = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    enqueue(kind, range(first, first + 1))  # connections and imports are not what is measured
    began_s, cpu_s = time.perf_counter(), time.process_time()
    enqueue(kind, range(first + 1, first + count))
    took = {"wall_s": time.perf_counter() - began_s, "cpu_s": time.process_time() - cpu_s}
    print(json.dumps(took))
