"""Finds a value or has it made, by one for all who want it.

    memory ──miss──▶ is it being made here? ──no──▶ Redis ──miss──▶ is it being made elsewhere? ──no──▶ make it
      │hit                │yes: wait                  │hit                │yes: wait
      ▼                   ▼                           ▼                   ▼
    early refresh?      take theirs                 keep here           take theirs

Without Redis, or while it is down, the middle is left out.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import secrets
import time
from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import msgspec

from velox.cache.entry import Entry
from velox.cache.generations import Generation, Generations
from velox.cache.loading import Claim, Found, Load, Status, Times, entry_of, is_answer, unstored
from velox.cache.memory import Held, Memory
from velox.cache.redis import SharedStore
from velox.redis import RedisDown

__all__ = ["Engine"]

EARLY: Final = 1.0
"""How eager early refreshes are (beta of Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede
Prevention", VLDB 2015)."""
NEVER: Final = 20.0
"""So many times its cost before its end, a value is refreshed by one hit in 500 million."""
RETRY_S: Final = 1.0
"""How long a stale entry is used before the loader that failed is tried again."""
NEAR_S: Final = 5.0
"""How long a value of Redis is kept in memory at most: so old can it be, if an invalidation's message is lost."""
LEASE_S: Final = 30.0
"""How long somebody on another machine may take to load before another one does it too."""
POLL_S: Final = (0.01, 0.1)
"""Of waiting for another machine: the first and the longest pause; each is about the double of the one before."""

logger = logging.getLogger("velox.cache")


class Wanted(NamedTuple):
    """What somebody asks for; see :meth:`Engine.find`."""

    key: str
    tags: Collection[str]
    times: Times
    load: Load


class Flight(NamedTuple):
    """A load under way.

    Attributes:
        future: What comes of it; ``None``: its maker was cancelled.
        generations: Those from before it began.
    """

    future: asyncio.Future[Held | None]
    generations: Generation


class Engine:
    """The cache of a worker.

    Args:
        memory: What is near.
        generations: What is out of date.
        shared: What is on Redis, if there is one.
        machine: A name of this machine's workers, who share the generations.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        memory: Memory,
        generations: Generations,
        shared: SharedStore | None = None,
        *,
        machine: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.memory = memory
        self.generations = generations
        self._shared = shared
        self._clock = clock
        self._flights: dict[str, Flight] = {}
        self._machine = machine
        self._refreshing: set[asyncio.Task[Any]] = set()
        self._unsent_tags: set[str] = set()
        self._unsent_keys: set[str] = set()
        self._unreleased: dict[str, bytes] = {}
        """Tokens of leases that Redis may have given or kept while it did not answer, by key."""

    def near(self, key: str) -> Held | None:
        """What is fresh in memory: the whole of most hits."""
        now_s = self._clock()
        held = self.memory.get(key, now_s)
        return held if held is not None and now_s < held.entry.fresh_s else None

    def is_due(self, held: Held) -> bool:
        """Whether this hit is the one that makes the value anew: by chance, more likely the nearer the end is, and the
        longer it takes to make."""
        entry, now_s = held.entry, self._clock()
        if now_s < entry.fresh_s - NEVER * entry.cost_s:
            return False
        return now_s - entry.cost_s * EARLY * math.log(1.0 - random.random()) >= entry.fresh_s  # noqa: S311

    async def find(self, key: str, tags: Collection[str], times: Times, load: Load, *, anew: bool = False) -> Found:
        """The value of ``key``.

        Args:
            key: Its key.
            tags: What it is made of.
            times: How long it is good.
            load: Makes it.
            anew: Make it, though there is one.

        Raises:
            Exception: What ``load`` raised, when nothing stale can stand in.
        """
        while True:
            now_s = self._clock()
            held = self.memory.get(key, now_s)
            if held is not None and now_s < held.entry.fresh_s and not anew:
                return Found(held, Status.HIT)
            flight = self._flights.get(key)
            # A load that began before an invalidation is not for who asks after it.
            if flight is None or not self.generations.are(flight.generations):
                return await self._lead(Wanted(key, tags, times, load), held, anew=anew)
            if held is not None:
                return Found(held, Status.STALE if now_s >= held.entry.fresh_s else Status.HIT)
            theirs = await asyncio.shield(flight.future)
            if theirs is not None and theirs.until_s:
                return Found(theirs, Status.HIT)
            if theirs is not None:  # it was for its maker alone
                return Found(unstored(await load(), self._clock()), Status.MISS)
            anew = False

    def refresh(self, key: str, tags: Collection[str], times: Times, load: Load) -> None:
        """Make a value anew beside who asked; if that fails, the old one is good until its end."""
        task = asyncio.get_running_loop().create_task(self.find(key, tags, times, load, anew=True))
        self._refreshing.add(task)

        def done(ended: asyncio.Task[Any]) -> None:
            self._refreshing.discard(ended)
            if not ended.cancelled() and (error := ended.exception()) is not None:
                logger.info("refreshing %s ended with %r", key, error)

        task.add_done_callback(done)

    async def close(self) -> None:
        """Leave what is being refreshed."""
        refreshing = tuple(self._refreshing)
        for task in refreshing:
            task.cancel()
        await asyncio.gather(*refreshing, return_exceptions=True)

    async def _lead(self, wanted: Wanted, held: Held | None, *, anew: bool) -> Found:
        """Make the value for all who wait; if its maker is cancelled, they hear ``None``, and another makes it."""
        key = wanted.key
        flight = Flight(asyncio.get_running_loop().create_future(), self.generations.read((key, *wanted.tags)))
        self._flights[key] = flight
        result: Held | None = None
        try:
            found = await self._obtain(wanted, flight.generations, held, anew=anew)
            result = found.held
            return found
        except Exception as error:
            flight.future.set_exception(error)
            flight.future.exception()  # it is raised here; that nobody else waited for it is no news
            raise
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]
            if not flight.future.done():
                flight.future.set_result(result)

    async def _obtain(self, wanted: Wanted, generations: Generation, held: Held | None, *, anew: bool) -> Found:
        shared, claim = self._shared, None
        if shared is not None:
            try:
                entry, claim = await self._ask(shared, wanted, anew=anew)
            except RedisDown:
                entry = None
            if entry is not None and claim is None and not anew and self._clock() < entry.fresh_s:
                return Found(self._keep(wanted.key, entry, generations), Status.HIT)
            if held is None and entry is not None:
                held = Held(entry, generations, entry.until_s)
        try:
            return Found(await self._load(wanted, generations, claim), Status.MISS)
        except Exception as error:
            if is_answer(error) or held is None or held.until_s <= self._clock():
                raise
            logger.warning("loading %s failed; the stale value is used", wanted.key, exc_info=True)
            return Found(self._postpone(wanted.key, held), Status.STALE)
        finally:
            if claim is not None and shared is not None:
                await self._release(shared, wanted.key, claim)

    async def _ask(self, shared: SharedStore, wanted: Wanted, *, anew: bool) -> tuple[Entry | None, Claim | None]:
        """The entry on Redis, be it stale; and the claim to make it, unless it is fresh or another machine has it."""
        token, pause_s = secrets.token_bytes(8), POLL_S[0]
        await self._send_unsent(shared)
        deadline_s = self._clock() + LEASE_S
        while True:
            entry, fence = await shared.read(wanted.key, wanted.tags)
            now_s = self._clock()
            if entry is not None and now_s < entry.fresh_s and not anew:
                return entry, None
            if await self._acquire(shared, wanted.key, token):
                return entry, Claim(token, fence)
            if anew or now_s >= deadline_s:
                return entry, None
            # Another machine is at it: a pause, longer each time, and not the same for all who wait.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311
            pause_s = min(pause_s * 2, POLL_S[1])

    async def _load(self, wanted: Wanted, generations: Generation, claim: Claim | None) -> Held:
        began_s = time.perf_counter()
        loaded = await wanted.load()
        cost_s, now_s = time.perf_counter() - began_s, self._clock()
        entry = entry_of(loaded, wanted.times, now_s, cost_s, claim.fence if claim is not None else {})
        if entry is None:
            return unstored(loaded, now_s)
        if self._shared is not None and claim is not None:
            try:
                await self._shared.write(wanted.key, claim.token, entry, entry.until_s - now_s)
            except RedisDown:
                pass  # it is kept here, and made again elsewhere
        return self._keep(wanted.key, entry, generations)

    def _keep(self, key: str, entry: Entry, generations: Generation) -> Held:
        until_s = entry.until_s if self._shared is None else min(entry.until_s, self._clock() + NEAR_S)
        held = Held(entry, generations, until_s)
        if self.generations.are(generations):
            self.memory.put(key, held)
        return held

    def _postpone(self, key: str, held: Held) -> Held:
        """``held`` as good for another moment, in which the loader is left alone."""
        entry, now_s = held.entry, self._clock()
        later = Entry(entry.payload, entry.made_s, now_s + RETRY_S, entry.until_s, entry.cost_s, entry.fence)
        postponed = Held(later, held.generations, held.until_s)
        if self.generations.are(held.generations):
            self.memory.put(key, postponed)
        return postponed

    async def _acquire(self, shared: SharedStore, key: str, token: bytes) -> bool:
        try:
            return await shared.acquire(key, token, LEASE_S)
        except RedisDown:
            self._unreleased[key] = token  # it may have been given: nobody shall wait for its end
            raise

    async def _release(self, shared: SharedStore, key: str, claim: Claim) -> None:
        try:
            await shared.release(key, claim.token)
        except RedisDown:
            self._unreleased[key] = claim.token

    # Without a loader

    async def get(self, key: str) -> Entry | None:
        """What there is, if it is fresh."""
        now_s = self._clock()
        held = self.memory.get(key, now_s)
        if held is not None and now_s < held.entry.fresh_s:
            return held.entry
        if self._shared is None:
            return None
        try:
            await self._send_unsent(self._shared)
            generations = self.generations.read((key,))
            entry = await self._shared.get(key)
        except RedisDown:
            return None
        if entry is None or self._clock() >= entry.fresh_s:
            return None
        # Its tags are known only now: an invalidation between may have been missed here, but not on Redis.
        self._keep(key, entry, generations + self.generations.read(entry.fence))
        return entry

    async def put(self, key: str, payload: bytes, ttl_s: float, tags: Collection[str]) -> None:
        """Store what was made just now."""
        now_s, fence = self._clock(), dict[str, bytes]()
        generations = self.generations.read((key, *tags))
        shared = self._shared
        try:
            if shared is not None and tags:
                _, fence = await shared.read(key, tags)
            entry = Entry(payload, now_s, now_s + ttl_s, now_s + ttl_s, 0.0, fence)
            if shared is not None:
                await shared.put(key, entry, ttl_s)
        except RedisDown:
            entry = Entry(payload, now_s, now_s + ttl_s, now_s + ttl_s)
        self._keep(key, entry, generations)

    # Out of date

    async def invalidate(self, tags: Collection[str]) -> None:
        """Everything that was made of ``tags``, and every load of it that has begun, is of no use from now on."""
        self.generations.bump(tags)
        self._unsent_tags.update(tags)
        await self._try_to_send()

    async def remove(self, keys: Collection[str]) -> None:
        """Forget the values of ``keys``, here and everywhere."""
        self.generations.bump(keys)
        self._unsent_keys.update(keys)
        await self._try_to_send()

    async def _try_to_send(self) -> None:
        if self._shared is None:
            self._unsent_tags.clear()
            self._unsent_keys.clear()
            return
        try:
            await self._send_unsent(self._shared)
        except RedisDown:
            pass  # it is sent before anything is read from Redis again

    async def _send_unsent(self, shared: SharedStore) -> None:
        while self._unsent_tags:
            tags = tuple(self._unsent_tags)
            await shared.invalidate(tags, self.message(tags))
            self._unsent_tags.difference_update(tags)
        while self._unsent_keys:
            keys = tuple(self._unsent_keys)
            await shared.delete(keys, self.message(keys))
            self._unsent_keys.difference_update(keys)
        while self._unreleased:
            key, token = next(iter(self._unreleased.items()))
            await shared.release(key, token)
            if self._unreleased.get(key) == token:
                del self._unreleased[key]

    def message(self, names: Collection[str]) -> bytes:
        """What other machines are told."""
        return msgspec.json.encode([self._machine, list(names)])

    def hear(self, message: bytes) -> None:
        """What another machine told; its own workers know by their shared memory."""
        machine, names = msgspec.json.decode(message, type=tuple[str, list[str]])
        if machine != self._machine:
            self.generations.bump(names)
