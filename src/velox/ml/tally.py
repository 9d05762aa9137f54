"""What is counted of a model, by version: numbers in a row of memory, which the app may share between its workers.

A model has :data:`SLOTS` rows of :data:`WIDTH` cells; a version's is the one of its number modulo :data:`SLOTS`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

__all__ = ["CELLS", "SLOTS", "Tally", "exposition", "own_cells"]

COUNTERS: Final[Mapping[str, str]] = {
    "requests": "Requests for predictions.",
    "rows": "Rows that were read.",
    "invalid": "Requests with rows that are none of the model's.",
    "busy": "Requests that were refused since the queue was full or the answer late.",
    "failed": "Requests that the model failed on.",
    "batches": "Batches that were answered.",
    "batch_rows": "Rows in them.",
    "cache_hits": "Rows whose answer was remembered.",
    "cache_misses": "Rows whose answer was looked for and not remembered.",
    "shadow_agreeing": "Rows that the shadow gave the same label.",
    "shadow_differing": "Rows that the shadow gave another label.",
    "shadow_failed": "Rows that the shadow had no answer for.",
    "shadow_skipped": "Rows that were not compared because the shadow was too slow.",
}
"""What is counted of a version; ``shadow_...`` of the version that is the shadow."""
PLACES: Final = {name: place for place, name in enumerate(COUNTERS)}
BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the durations' classes, in seconds; one more class is for what takes longer."""
FIRST_CLASS: Final = len(COUNTERS)
SUM: Final = FIRST_CLASS + len(BOUNDS_S) + 1
WIDTH: Final = SUM + 1
SLOTS: Final = 128
CELLS: Final = SLOTS * WIDTH
"""How many cells a model has."""


def own_cells() -> memoryview[float]:
    """A model's cells in this process alone, all 0."""
    return memoryview(array("d", bytes(8 * CELLS)))


class Tally:
    """Counts for one version.

    Args:
        cells: The model's.
        version: The version.
    """

    __slots__ = ("_cells", "_row")

    def __init__(self, cells: memoryview[float], version: str) -> None:
        self._cells = cells
        self._row = int(version) % SLOTS * WIDTH

    def add(self, name: str, number: float = 1.0) -> None:
        """Add to a counter of :data:`COUNTERS`."""
        self._cells[self._row + PLACES[name]] += number

    def took(self, duration_s: float) -> None:
        """Count a request's duration."""
        self._cells[self._row + FIRST_CLASS + bisect_left(BOUNDS_S, duration_s)] += 1.0
        self._cells[self._row + SUM] += duration_s

    def __getitem__(self, name: str) -> int:
        return int(self._cells[self._row + PLACES[name]])


def exposition(models: Iterable[tuple[str, int, Sequence[float]]]) -> str:
    """The figures in Prometheus' text format, version 0.0.4.

    Args:
        models: The name, the newest version, and the cells of each model.
    """
    rows = [
        (f'model="{name}",version="{version_of(slot, newest)}"', row)
        for name, newest, cells in models
        for slot in range(SLOTS)
        if any(row := cells[slot * WIDTH : (slot + 1) * WIDTH])
    ]
    return "".join(f"{line}\n" for line in (*counter_lines(rows), *histogram_lines(rows)))


Row = tuple[str, Sequence[float]]


def version_of(slot: int, newest: int) -> int:
    """The newest version that counts in ``slot``."""
    return newest - (newest - slot) % SLOTS


def counter_lines(rows: Sequence[Row]) -> Iterator[str]:
    for name, meaning in COUNTERS.items():
        found = [(labels, row[PLACES[name]]) for labels, row in rows if row[PLACES[name]]]
        if found:
            yield f"# HELP model_{name}_total {meaning}"
            yield f"# TYPE model_{name}_total counter"
            yield from (f"model_{name}_total{{{labels}}} {value:.0f}" for labels, value in found)


def histogram_lines(rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        yield "# HELP model_request_duration_seconds From the parsed request to the prediction's answer."
        yield "# TYPE model_request_duration_seconds histogram"
    for labels, row in rows:
        counts = list(accumulate(row[FIRST_CLASS:SUM]))
        for bound, count in zip((*BOUNDS_S, "+Inf"), counts, strict=True):
            yield f'model_request_duration_seconds_bucket{{{labels},le="{bound}"}} {count:.0f}'
        yield f"model_request_duration_seconds_sum{{{labels}}} {row[SUM]:.9g}"
        yield f"model_request_duration_seconds_count{{{labels}}} {counts[-1]:.0f}"
