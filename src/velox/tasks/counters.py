"""What a process has done with jobs since it started: plain numbers, for whoever publishes them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """Totals of this process, and what it runs now."""

    enqueued: int = 0
    started: int = 0
    running: int = 0
    """Right now."""
    succeeded: int = 0
    retried: int = 0
    dead: int = 0
    handed_back: int = 0
    start_latency_s: float = 0.0
    """The sum of the times from enqueue to first start; divided by ``first_starts`` it is the mean."""
    first_starts: int = 0
