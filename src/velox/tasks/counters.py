"""What a process has done with jobs since it started: plain numbers, for whoever publishes them.

They lie in a row of cells, so that the workers of a server can have theirs where all can read them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import MutableSequence
from typing import Final

__all__ = ["BOUNDS_S", "FIRST_CLASS", "NAMES", "SIZE", "Counters"]

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""The upper bounds of the classes of start latencies, in seconds; one more class is for what takes longer."""
NAMES: Final = ("running", "enqueued", "started", "succeeded", "retried", "dead", "handed_back", "start_latency_s")
FIRST_CLASS: Final = len(NAMES)
SIZE: Final = FIRST_CLASS + len(BOUNDS_S) + 1


class Cell:
    """An attribute that is one of the cells."""

    __slots__ = ("_place",)

    def __set_name__(self, owner: type, name: str) -> None:
        self._place = NAMES.index(name)

    def __get__(self, counters: Counters, owner: type) -> int:
        return int(counters.cells[self._place])

    def __set__(self, counters: Counters, value: int) -> None:
        counters.cells[self._place] = float(value)


class Counters:
    """Totals of this process, and what it runs now.

    Attributes:
        running: Right now.
        cells: All numbers, in the order of ``NAMES``; then how many first starts there were in each class of latency.
    """

    __slots__ = ("cells",)

    running = Cell()
    enqueued = Cell()
    started = Cell()
    succeeded = Cell()
    retried = Cell()
    dead = Cell()
    handed_back = Cell()

    def __init__(self) -> None:
        self.cells: MutableSequence[float] = array("d", bytes(8 * SIZE))

    def move(self, cells: MutableSequence[float] | None = None) -> None:
        """Count in ``cells`` from now on, with the totals so far. None: in memory of its own again."""
        target = array("d", bytes(8 * SIZE)) if cells is None else cells
        for place, value in enumerate(self.cells):
            target[place] = value
        self.cells = target

    def note_first_start(self, latency_s: float) -> None:
        """A job starts for the first time, this long after it was enqueued."""
        self.cells[FIRST_CLASS - 1] += latency_s
        self.cells[FIRST_CLASS + bisect_left(BOUNDS_S, latency_s)] += 1.0

    @property
    def start_latency_s(self) -> float:
        """The sum of the times from enqueue to first start; divided by ``first_starts`` it is the mean."""
        return self.cells[FIRST_CLASS - 1]

    @property
    def first_starts(self) -> int:
        """How many jobs have started for the first time here."""
        return int(sum(self.cells[FIRST_CLASS:]))
