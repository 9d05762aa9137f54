"""How many requests were answered, with which status, and how long they took: 0.5 µs a request.

The figures are numbers in a row of memory, where each worker has its own and reads all others': see :mod:`board
<velox.http.board>`. ``/metrics`` adds them up, so it says the same whichever worker answers it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import accumulate
from typing import Any, Final

__all__ = ["BOUNDS_S", "CONTENT_TYPE", "Layout", "Meter", "exposition"]

BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the durations' classes, in seconds; one more class is for what takes longer."""
STATUSES: Final = (*(status.value for status in HTTPStatus), 0)
"""0 stands for all that HTTP has no word for, and for a connection that ended before its answer."""
SUM: Final = len(BOUNDS_S) + 1
FIRST_STATUS: Final = SUM + 1
STATUS_CELLS: Final = {status: FIRST_STATUS + number for number, status in enumerate(STATUSES)}
OTHER_CELL: Final = STATUS_CELLS[0]
WIDTH: Final = FIRST_STATUS + len(STATUSES)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN: Final = ("", "")
"""The method and route of requests that no route was found for: their paths could be anything, so they are not kept."""


class Layout:
    """Which cells belong to which route.

    Args:
        routes: Sanic's routes.
        further: How many cells somebody else wants, after the requests'.

    Attributes:
        names: Method and path of each row.
        redis_outages: The cell of how often Redis was down.
        further: The first cell of somebody else's.
        size: How many cells there are.
    """

    __slots__ = ("_rows", "further", "names", "redis_outages", "size")

    def __init__(self, routes: Iterable[Any], further: int = 0) -> None:
        pairs = sorted({(method, template(route.path)) for route in routes for method in route.methods})
        self.names = (UNKNOWN, *pairs)
        self.redis_outages = len(self.names) * WIDTH
        self.further = self.redis_outages + 1
        self.size = self.further + further
        self._rows = {name: number * WIDTH for number, name in enumerate(self.names)}

    @property
    def digest(self) -> str:
        """Another one for another layout."""
        return hashlib.sha256(repr((self.names, BOUNDS_S, STATUSES, self.size)).encode()).hexdigest()[:16]

    def row(self, route: Any, method: str) -> int:
        """The first cell of ``route``, ``None`` for none; a method that it has no handler for is not its own."""
        return self._rows.get((method, template(route.path)), 0) if route is not None else 0


def template(path: str) -> str:
    """``items/<item_id:str>`` → ``/items/{item_id}``, as the documentation has it."""
    pieces = path.split("/")
    return "/" + "/".join(
        "{" + piece[1:-1].partition(":")[0] + "}" if piece.startswith("<") else piece for piece in pieces
    )


class Meter:
    """Counts one worker's requests.

    Args:
        layout: Which cells belong to which route.
        cells: This worker's; all 0 at first.
    """

    __slots__ = ("_cells", "_known", "_layout")

    def __init__(self, layout: Layout, cells: memoryview[float]) -> None:
        self._layout = layout
        self._cells = cells
        self._known: dict[tuple[int, str], int] = {}

    def note(self, route: Any, method: str, status: int, duration_s: float) -> None:
        """Count a request.

        Args:
            route: Its route; ``None`` when none was found.
            method: Its method.
            status: Its answer's; 0 without one.
            duration_s: From its whole head to its whole answer.
        """
        row = self._known.get((id(route), method))  # a Route cannot be hashed; the router keeps it
        if row is None:
            row = self._layout.row(route, method)
            if route is not None:
                self._known[id(route), method] = row
        cells = self._cells
        cells[row + bisect_left(BOUNDS_S, duration_s)] += 1.0
        cells[row + SUM] += duration_s
        cells[row + STATUS_CELLS.get(status, OTHER_CELL)] += 1.0

    def note_redis_outage(self) -> None:
        """Count an outage of Redis, once from its begin to its end."""
        self._cells[self._layout.redis_outages] += 1.0


def exposition(layout: Layout, boards: Sequence[Sequence[float]]) -> str:
    """The sums of all boards in Prometheus' text format, version 0.0.4."""
    cells = [sum(column) for column in zip(*boards, strict=True)]
    rows = [
        (name, cells[at : at + WIDTH])
        for name, at in zip(layout.names, range(0, layout.redis_outages, WIDTH), strict=True)
    ]
    used = [(name, row) for name, row in rows if any(row)]
    outages = outage_lines(cells[layout.redis_outages])
    return "".join(f"{line}\n" for line in (*counter_lines(used), *histogram_lines(used), *outages))


Row = tuple[tuple[str, str], Sequence[float]]


def counter_lines(rows: Iterable[Row]) -> Iterator[str]:
    yield "# HELP http_requests_total Answered requests."
    yield "# TYPE http_requests_total counter"
    for name, row in rows:
        for status, cell in STATUS_CELLS.items():
            if row[cell]:
                yield f'http_requests_total{{{labels(name)},status="{status or ""}"}} {row[cell]:.0f}'


def histogram_lines(rows: Iterable[Row]) -> Iterator[str]:
    yield "# HELP http_request_duration_seconds From a request's whole head to its whole answer."
    yield "# TYPE http_request_duration_seconds histogram"
    for name, row in rows:
        counts = list(accumulate(row[:SUM]))
        for bound, count in zip((*BOUNDS_S, "+Inf"), counts, strict=True):
            yield f'http_request_duration_seconds_bucket{{{labels(name)},le="{bound}"}} {count:.0f}'
        yield f"http_request_duration_seconds_sum{{{labels(name)}}} {row[SUM]:.9g}"
        yield f"http_request_duration_seconds_count{{{labels(name)}}} {counts[-1]:.0f}"


def outage_lines(count: float) -> Iterator[str]:
    yield "# HELP velox_redis_outages_total How often a worker found Redis to be down, and went on without."
    yield "# TYPE velox_redis_outages_total counter"
    yield f"velox_redis_outages_total {count:.0f}"


def labels(name: tuple[str, str]) -> str:
    method, route = name
    escaped = route.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'method="{method}",route="{escaped}"'
