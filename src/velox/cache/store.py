"""The cache as an extension of the app: it opens with the worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4
from weakref import WeakMethod

from velox.cache.cache import CURRENT
from velox.cache.engine import Engine
from velox.cache.generations import Generations
from velox.cache.memory import Memory
from velox.cache.redis import SharedStore
from velox.redis import Redis, disconnect

__all__ = ["CacheStore"]

AGAIN_S: Final = 0.5
"""Before the subscription is tried again."""

logger = logging.getLogger("velox.cache")


class CacheStore:
    """The cache of an app's worker.

    Args:
        memory_bytes: What values may take in this process.
        redis: What all machines share, if there is one.

    Attributes:
        shared_file: Says, when the worker starts, where the generations are that all workers of this machine share;
            ``None``: this one has its own.
    """

    name = "cache"

    def __init__(self, *, memory_bytes: int, redis: Redis | None) -> None:
        self.shared_file: Callable[[], Path | None] = lambda: None
        self._memory_bytes = memory_bytes
        self._redis = redis
        self._generations: Generations | None = None
        self._engine: Engine | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open memory, and hear from Redis what other machines find out of date."""
        path = self.shared_file()
        self._generations = Generations(path)
        memory = Memory(self._memory_bytes, self._generations)
        shared = SharedStore(self._redis) if self._redis is not None else None
        machine = path.name if path is not None else uuid4().hex
        self._engine = Engine(memory, self._generations, shared, machine=machine)
        if self._redis is not None and shared is not None:
            listening = listen(self._redis, shared.channel, self._engine)
            self._listening = asyncio.get_running_loop().create_task(listening, name="velox.cache.listen")
        CURRENT.set(WeakMethod(self.running))

    async def stop(self) -> None:
        """Close it. What is on Redis stays."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
            self._listening = None
        engine, generations = self._engine, self._generations
        self._engine = self._generations = None
        if engine is not None:
            await engine.close()
        if generations is not None:
            generations.close()

    async def ready(self) -> str | None:
        """It always is: without Redis, values are made anew."""
        return None

    def running(self) -> Engine | None:
        """What finds values, while the app runs."""
        return self._engine

    def engine(self) -> Engine:
        """What finds values."""
        if self._engine is None:
            raise RuntimeError("the cache is open only while the app runs")
        return self._engine


async def listen(redis: Redis, channel: str, engine: Engine) -> None:
    """Hear invalidations, for ever. What is missed while Redis is away is out of memory soon by itself."""
    while True:
        client: Any = redis.open_client()
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(channel)
                async for message in subscription.listen():
                    engine.hear(message["data"])
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may do; the client logs outages
            logger.debug("the subscription ended: %r", error)
        finally:
            with contextlib.suppress(Exception):
                await disconnect(client)
        await asyncio.sleep(AGAIN_S)
