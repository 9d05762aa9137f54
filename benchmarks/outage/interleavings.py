"""Reads and tag invalidations on two machines that share a Redis, mixed by chance."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from velox.cache.engine import Engine
from velox.cache.generations import Generations
from velox.cache.loading import Loaded, Times
from velox.cache.memory import Memory
from velox.cache.redis import SharedStore
from velox.redis import Redis

__all__ = ["stale_reads"]

AT_ONCE: Final = 8
STEP_S: Final = 0.001


async def stale_reads(url: str, count: int) -> tuple[int, int]:
    """How many values were read, and how many of them were older than an invalidation that was over before the read.

    Args:
        url: A Redis of its own.
        count: Interleavings: each is some reads and writes at once, with pauses by chance.
    """
    redis = Redis(url, prefix="interleavings", timeout_s=10.0)
    await redis.start()
    try:
        return await _Row(redis).race(count)
    finally:
        await redis.stop()


class _Row:
    """A row of a database, read through two caches."""

    def __init__(self, redis: Redis) -> None:
        self._chance = random.Random(11)
        self._value = self._invalidated = self._reads = self._stale = 0
        self._generations = [Generations() for _ in range(2)]
        self._machines = [
            Engine(Memory(2**20, each), each, SharedStore(redis), machine=f"{number}")
            for number, each in enumerate(self._generations)
        ]

    async def race(self, count: int) -> tuple[int, int]:
        for _ in range(count):
            steps = (self._read if self._chance.random() < 0.7 else self._write for _ in range(AT_ONCE))
            await asyncio.gather(*(step() for step in steps))
        for each in self._generations:
            each.close()
        return self._reads, self._stale

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.random() * STEP_S)

    async def _load(self) -> Loaded:
        value = self._value
        await self._pause()
        return Loaded(b"%d" % value)

    async def _read(self) -> None:
        await self._pause()
        machine, before = self._chance.choice(self._machines), self._invalidated
        # What is near may be some seconds old, by design; here each read asks Redis.
        machine.memory.remove("key")
        machine._flights.clear()
        found = await machine.find("key", ("row",), Times(60.0), self._load)
        self._reads += 1
        self._stale += int(found.held.entry.payload) < before

    async def _write(self) -> None:
        await self._pause()
        self._value += 1
        written = self._value
        await self._chance.choice(self._machines).invalidate(["row"])
        self._invalidated = max(self._invalidated, written)
