"""What a hit costs, beside aiocache and cashews in one run; and a cached answer beside a constant one.

    python -m benchmarks.cache           prints
    python -m benchmarks.cache --save    writes benchmarks/results/cache.md, too

CPU time, the least of some rounds in which all take turns, since others use the machine too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.saved import show
from velox import Settings, Velox
from velox.http.response import HeadWriter

ROUNDS, TIMES = 7, 5000
VALUE = {"slug": "velox", "url": "https://example.org/", "hits": 17}
INTRO = """The cache

A value that is in the memory of the process, read through Velox, aiocache and cashews in one run; and a cached answer
beside a constant one, from the route's endpoint to the bytes that are sent. CPU time of a call."""
SECRET = "x0Vt7bJq2mZr9LwKc4Hs8PdYfG1nUeAa"

Work = Callable[[], Awaitable[Any]]


async def compare(works: dict[str, Work]) -> dict[str, float]:
    """Microseconds of CPU for each call."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            began_s = time.process_time()
            for _ in range(TIMES):
                await work()
            best[name] = min(best[name], (time.process_time() - began_s) / TIMES)
    return {name: each * 1e6 for name, each in best.items()}


async def hits(app: Velox) -> dict[str, Work]:
    """The same value, read from the memory of each."""
    from aiocache import SimpleMemoryCache
    from cashews import Cache as Cashews

    aiocache, cashews = SimpleMemoryCache(), Cashews()
    cashews.setup("mem://")
    await aiocache.set("key", VALUE, ttl=3600)
    await cashews.set("key", VALUE, expire="1h")
    await app.cache.set("key", VALUE, "1h")
    return {
        "Velox, read as a new value": lambda: app.cache.get("key"),
        "aiocache, the object itself": lambda: aiocache.get("key"),
        "cashews, the object itself": lambda: cashews.get("key"),
    }


class FakeRequest:
    """As much of a request as an endpoint without arguments looks at."""

    head = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
    method = "GET"


def answers(app: Velox) -> dict[str, Work]:
    """Endpoints as the app has compiled them, and their answers written as bytes."""
    endpoints = {route.path: route.handler for route in app.router.routes}
    request, writer = FakeRequest(), HeadWriter()

    def answer(path: str) -> Work:
        async def work() -> bytes:
            response = await endpoints[path](request)
            return writer.whole(response, response.body, connection=b"", head_only=False)

        return work

    return {"a constant answer": answer("constant"), "a cached answer": answer("cached")}


async def measure() -> None:
    app = Velox("cached", Settings(env="prod", secret_key=SECRET, database_url="sqlite://"))  # type: ignore[arg-type]

    async def constant() -> dict[str, Any]:
        return VALUE

    app.get("/constant", name="constant")(constant)
    app.get("/cached", name="cached", cache="1h")(constant)
    async with app.lifespan():
        found = {**await compare(await hits(app)), **await compare(answers(app))}
    rows = [[name, f"{cost_us:.2f}", f"{1000 / cost_us:.0f}"] for name, cost_us in found.items()]
    show("cache", INTRO, [["", "CPU µs", "thousand a second"], *rows], ("aiocache", "cashews"))


def main() -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    main()
