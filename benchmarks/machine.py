"""The machine under measurement, and how quiet it was."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

__all__ = ["Quietness", "busy_s", "describe"]

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def describe() -> str:
    """The operating system, the architecture and the number of cores."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def busy_s(statistics: str) -> float:
    """CPU time that all cores have worked for, by the text of ``/proc/stat`` (proc_stat(5))."""
    user, nice, system, _, _, interrupts, soft_interrupts, stolen = map(int, statistics.split()[1:9])
    return (user + nice + system + interrupts + soft_interrupts + stolen) / TICKS_PER_S


class Quietness:
    """How much of the machine others used since this was made.

    Args:
        own_s: Tells the CPU time that the measurement itself has used so far.
        clock_s: A monotonic clock.
        statistics: Reads ``/proc/stat``.
    """

    def __init__(
        self,
        own_s: Callable[[], float],
        clock_s: Callable[[], float],
        statistics: Callable[[], str] = Path("/proc/stat").read_text,
    ) -> None:
        self._own_s, self._clock_s, self._statistics = own_s, clock_s, statistics
        self._start = self._now()

    def others(self) -> float:
        """The share of all cores that others used, from 0 to 1."""
        own_s, busy, clock_s = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return max(0.0, busy - own_s) / (clock_s * (os.cpu_count() or 1))

    def _now(self) -> tuple[float, float, float]:
        return self._own_s(), busy_s(self._statistics()), self._clock_s()
