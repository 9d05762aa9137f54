"""What clients notice when Redis fails under a cache or a limit.

    python -m benchmarks.outage                         prints
    python -m benchmarks.outage --save                  writes benchmarks/results/outage.md, too
    python -m benchmarks.outage --interleavings 10000   more reads beside invalidations than 1,000

It starts a Redis of its own on a free port, and needs the program ``redis-server`` or ``valkey-server``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import httpx
from redis.asyncio import Redis as Client

from benchmarks.outage.faults import FAULTS, LASTS_S, Place
from benchmarks.outage.interleavings import stale_reads
from benchmarks.saved import show
from tests.integration.redis_server import private_redis, proxy_to
from velox.testing import LiveServer

HERE: Final = Path(__file__).resolve().parent
CLIENTS: Final = 8
PAUSE_S: Final = 0.01
BEFORE_S: Final = 1.0
AFTER_S: Final = 10.0
ADDED_MS, RECOVERY_S = 60, 2
HEAD: Final = ["", "requests", "errors", "added p99, ms", "added at most, ms", "used again after, s"]
INTRO: Final = """When Redis fails

{clients} clients ask `velox run` over HTTP, every {pause_ms:.0f} ms, while its Redis fails for {lasts_s:.0f} s. Added
is what an answer took beyond the median before the fault; used again is from the end of the fault to the first key
that is written to Redis. At most {added_ms} ms and {recovery_s} s are promised, and no errors. Beside that, {count:,}
interleavings of loads and tag invalidations on two machines: {stale} of {reads:,} values were older than an
invalidation that was over before they were read."""


class Traffic:
    """Clients that each ask for something new, one request after the other."""

    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        self._client = client
        self._path = path
        self._numbers = itertools.count()
        self.took_s: list[float] = []
        self.errors = 0

    async def run(self, until: asyncio.Event) -> None:
        await asyncio.gather(*(self._one(until) for _ in range(CLIENTS)))

    async def _one(self, until: asyncio.Event) -> None:
        while not until.is_set():
            began_s = time.perf_counter()
            try:
                answer = await self._client.get(f"{self._path}/{next(self._numbers)}")
                self.errors += answer.status_code != 200
            except httpx.HTTPError:
                self.errors += 1
            self.took_s.append(time.perf_counter() - began_s)
            await asyncio.sleep(PAUSE_S)


async def used_again_s(server: Client) -> float:
    """Seconds until a key is on Redis, which was emptied; infinite, if none is after 10 s."""
    await server.flushall()
    began_s = time.monotonic()
    while not await server.dbsize():
        if time.monotonic() - began_s > AFTER_S:
            return float("inf")
        await asyncio.sleep(0.005)
    return time.monotonic() - began_s


async def suffer(fault: str, path: str, folder: Path) -> list[str]:
    """One row."""
    harm, through_proxy = FAULTS[fault]
    with private_redis(folder) as server:
        async with proxy_to(server.port) as proxy, Client.from_url(server.url) as own:
            url = proxy.url if through_proxy else server.url
            # The server is started from a thread: the proxy is in this one's loop.
            live = LiveServer("served:create_app", directory=HERE, environment={"VELOX_REDIS_URL": url})
            await asyncio.to_thread(live.__enter__)
            try:
                async with httpx.AsyncClient(base_url=live.url, timeout=5.0) as client:
                    traffic, over = Traffic(client, path), asyncio.Event()
                    running = asyncio.create_task(traffic.run(over))
                    await asyncio.sleep(BEFORE_S)
                    usual_s, first = median(traffic.took_s), len(traffic.took_s)
                    await harm(Place(server, proxy))
                    again_s = await used_again_s(own)
                    over.set()
                    await running
            finally:
                await asyncio.to_thread(live.__exit__, None, None, None)
    added_ms = sorted((each - usual_s) * 1000 for each in traffic.took_s[first:])
    p99_ms = added_ms[int(len(added_ms) * 0.99)]
    counts = [f"{len(added_ms)}", f"{traffic.errors}"]
    return [f"{path[1:]}: {fault}", *counts, f"{p99_ms:.1f}", f"{added_ms[-1]:.1f}", f"{again_s:.2f}"]


def rows() -> Iterator[list[str]]:
    for path, fault in itertools.product(("/cached", "/limited"), FAULTS):
        with tempfile.TemporaryDirectory() as folder:
            yield asyncio.run(suffer(fault, path, Path(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/outage.md")
    parser.add_argument("--interleavings", type=int, default=1000, metavar="N", help="1000 unless told")
    count = parser.parse_args().interleavings
    with tempfile.TemporaryDirectory() as folder, private_redis(Path(folder)) as server:
        reads, stale = asyncio.run(stale_reads(server.url, count))
    intro = INTRO.format(
        clients=CLIENTS,
        pause_ms=PAUSE_S * 1000,
        lasts_s=LASTS_S,
        added_ms=ADDED_MS,
        recovery_s=RECOVERY_S,
        count=count,
        reads=reads,
        stale=stale,
    )
    show("outage", intro, [HEAD, *rows()], ("redis",))


if __name__ == "__main__":
    main()
