"""The faults of a Redis; each is over when its coroutine is, and Redis can be used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.integration.redis_server import PrivateRedis, Proxy

__all__ = ["FAULTS", "Place"]

LASTS_S: Final = 2.0
DELAY_S: Final = 0.2
CUT_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """A server and the way to it."""

    server: PrivateRedis
    proxy: Proxy


async def stopped(place: Place) -> None:
    place.server.stop()
    await asyncio.sleep(LASTS_S)
    await asyncio.to_thread(place.server.start)


async def paused(place: Place) -> None:
    place.server.command("CLIENT", "PAUSE", f"{LASTS_S * 1000:.0f}", "ALL")
    # It is answered when the pause is over.
    await asyncio.to_thread(place.server.command, "PING")


async def slow(place: Place) -> None:
    place.proxy.delay_s = DELAY_S
    await asyncio.sleep(LASTS_S)
    place.proxy.delay_s = 0.0


async def cut(place: Place) -> None:
    for _ in range(round(LASTS_S / CUT_EVERY_S)):
        place.proxy.cut()
        await asyncio.sleep(CUT_EVERY_S)


FAULTS: Final[dict[str, tuple[Callable[[Place], Awaitable[None]], bool]]] = {
    "the server is killed": (stopped, False),
    "`CLIENT PAUSE`": (paused, False),
    f"every answer {DELAY_S * 1000:.0f} ms late": (slow, True),
    f"connections reset every {CUT_EVERY_S * 1000:.0f} ms": (cut, True),
}
"""By name; and whether the way to the server is the proxy's."""
