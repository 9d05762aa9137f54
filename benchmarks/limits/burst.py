"""One and the same load, counted by each algorithm: what passed, and how much within any one period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from velox.limits.hit import Hit
from velox.limits.local import LocalStore
from velox.limits.table import Table
from velox.rules.limit import Algorithm
from velox.rules.rate import Rate

__all__ = ["LIMIT", "NAMES", "UNTIL_S", "Run", "run"]

LIMIT = Rate.parse("20/10s")
UNTIL_S = 40.0
NAMES: dict[Algorithm, str] = {"fixed": "fixed window", "sliding": "sliding window", "gcra": "GCRA"}
BURSTS_S = ((8.0, 12.0), (26.0, 34.0))
"""When requests come at 10 a second; in between, at 1 a second."""
START_S = 1_000.0
"""A border of periods, so that the picture begins with one."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of each request.

    Attributes:
        passed_s, refused_s: When requests passed and when they were refused.
    """

    passed_s: tuple[float, ...]
    refused_s: tuple[float, ...]

    def in_period(self, now_s: float) -> int:
        """How many passed within the period that ends now."""
        return sum(now_s - LIMIT.period_s < each <= now_s for each in self.passed_s)

    @property
    def most(self) -> int:
        """The most in any period."""
        return max(self.in_period(now_s) for now_s in self.passed_s)


def arrivals_s() -> Iterator[float]:
    now_s = 0.0
    while now_s < UNTIL_S:
        yield now_s
        now_s += 0.1 if any(begin_s <= now_s < end_s for begin_s, end_s in BURSTS_S) else 1.0


def run(algorithm: Algorithm) -> Run:
    """Send the load through the store that an app has, with its clock set by hand."""
    clock = [START_S]
    table = Table(1000)
    store = LocalStore(table, b"plot", clock=lambda: clock[0])
    passed_s, refused_s = list[float](), list[float]()
    for now_s in arrivals_s():
        clock[0] = START_S + now_s
        (decision,) = store.hit([Hit("route", "client", LIMIT, algorithm, 1)])
        (passed_s if decision.allowed else refused_s).append(now_s)
    table.close()
    return Run(tuple(passed_s), tuple(refused_s))
