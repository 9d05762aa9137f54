"""What a limit costs, and the picture of the guide.

python -m benchmarks.limits          prints CPU time for each request
python -m benchmarks.limits --save   writes benchmarks/results/limits.md, too
python -m benchmarks.limits --plot   writes docs/_static/limits.svg
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.limits.burst import NAMES, run
from benchmarks.limits.plot import timeline
from benchmarks.saved import show
from velox import Settings, Velox
from velox.limits.hit import Hit
from velox.limits.local import LocalStore
from velox.limits.table import Table, size_bytes
from velox.rules.rate import Rate

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "_static" / "limits.svg"
TIMES, ROUNDS = 2000, 7
INTRO = """Rate limits

What counting costs, in memory of one worker and in memory that several workers share. CPU time of a call; what a
request costs is the difference to the same endpoint without limits."""
MUCH, MORE = "1000000/minute", "100000000/day"


def best_us(work: Callable[[int], Any]) -> float:
    """Microseconds of CPU for each call: the least of some rounds, since others use the machine too."""
    rounds = []
    for _ in range(ROUNDS):
        began_s = time.process_time()
        for number in range(TIMES):
            work(number)
        rounds.append((time.process_time() - began_s) / TIMES)
    return min(rounds) * 1e6


def store_costs() -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_bytes(bytes(size_bytes(100_000)))
        for place, table in {"one worker": Table(100_000), "several workers": Table(100_000, path)}.items():
            store = LocalStore(table, b"secret")
            for algorithm in NAMES:
                hits = [[Hit("route", f"ip:{number}", Rate.parse(MUCH), algorithm, 1)] for number in range(TIMES)]
                cost_us = best_us(lambda number: store.hit(hits[number]))  # noqa: B023 - called at once
                yield [f"a hit, {place}, {algorithm}", f"{cost_us:.1f}"]
            table.close()


class FakeRequest:
    ip = "192.0.2.1"


async def endpoint_us(limit: str | Sequence[str] | None) -> float:
    """CPU time of an endpoint as the app has compiled it."""
    app = Velox("costs", Settings(env="test", database_url="sqlite://"), limit=limit)

    @app.get("/")
    async def root() -> int:
        return 1

    async with app.lifespan():
        (route,) = [route for route in app.router.routes if route.path == ""]
        request, rounds = FakeRequest(), []
        for _ in range(ROUNDS):
            began_s = time.process_time()
            for _ in range(TIMES):
                await route.handler(request)
            rounds.append((time.process_time() - began_s) / TIMES)
    return min(rounds) * 1e6


def endpoint_costs() -> Iterator[list[str]]:
    without_us = asyncio.run(endpoint_us(None))
    for name, limit in {"one limit": MUCH, "two limits": (MUCH, MORE), "one at once": "100 concurrent"}.items():
        cost_us = asyncio.run(endpoint_us(limit)) - without_us
        yield [f"a request with {name}, header fields included", f"{cost_us:.1f}"]


def main() -> None:
    if "--plot" in sys.argv:
        PICTURE.write_text(timeline({title: run(algorithm) for algorithm, title in NAMES.items()}), encoding="utf-8")
        print(f"{PICTURE.name} written")
        return
    show("limits", INTRO, [["", "CPU µs"], *store_costs(), *endpoint_costs()])


if __name__ == "__main__":
    main()
