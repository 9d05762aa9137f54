"""Limits of how many requests are answered at once: a lease for each, which ends with the request or with its worker.

in memory   a count for each worker; one that is dead is not counted            (attendance)
on Redis    a sorted set for each key: lease → when it ends, 30 s from now;
            a worker moves the ends of its leases every 10 s
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from velox.limits.attendance import Attendance
from velox.limits.hit import Decision, Hit
from velox.limits.table import DIGEST_BYTES
from velox.redis import Redis, RedisDown, Script
from velox.rules.limit import StoreFailure

__all__ = ["Lease", "Leases", "NotCounted"]

RETRY_S: Final = 1.0
"""When a request ends nobody knows; a client that comes back every second is no burden."""
LEASE_S: Final = 30.0
SCRIPT: Final = Script("""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local left = ARGV[1] - redis.call('ZCARD', KEYS[1])
if left <= 0 then return -1 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[2])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[3] * 1000))
return left - 1
""")
RENEW: Final = Script("""
local time = redis.call('TIME')
local ends = time[1] + time[2] / 1000000 + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', ends, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[1] * 1000))
""")


class NotCounted(Exception):
    """The store is down, and a policy would rather refuse than not know."""


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """A request that is in.

    Attributes:
        digest: Its key, in memory.
        key, id: Its key and its name on Redis; empty: it is counted in memory.
    """

    digest: bytes
    key: str = ""
    id: str = ""


class Leases:
    """Redis while it is up, if there is one; else the machine's own counts.

    Args:
        local: The machine's.
        redis: The app's client.
        secret: Keys are digests that depend on it.
        lease_s: How long a lease on Redis outlives its worker.
    """

    def __init__(self, local: Attendance, redis: Redis | None, secret: bytes, lease_s: float = LEASE_S) -> None:
        self._local = local
        self._redis = redis
        self._secret = secret[:64]
        self._lease_s = lease_s
        self._held: set[Lease] = set()
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, hit: Hit, on_store_failure: StoreFailure) -> tuple[Decision | None, Lease | None]:
        """The answer, and the lease if there is one to give back. ``None``: it passes without being counted.

        Args:
            hit: The question; its rate is one of requests at once.
            on_store_failure: What to do when Redis is down.

        Raises:
            NotCounted: It is, and that says ``"deny"``.
        """
        digest = blake2b(hit.key.encode(), digest_size=DIGEST_BYTES, key=self._secret).digest()
        if self._redis is not None:
            try:
                return await self._take(self._redis, digest, hit.rate.count)
            except RedisDown:
                if on_store_failure == "deny":
                    raise NotCounted from None
                if on_store_failure == "allow":
                    return None, None
        left = self._local.enter(digest, hit.rate.count)
        return decision(left), Lease(digest) if left is not None else None

    async def _take(self, redis: Redis, digest: bytes, most: int) -> tuple[Decision, Lease | None]:
        lease = Lease(digest, redis.key("lease", f"{{{digest.hex()}}}"), secrets.token_hex(8))
        left = await redis.run(lambda client: SCRIPT.run(client, [lease.key], most, lease.id, self._lease_s))
        if left < 0:
            return decision(None), None
        self._held.add(lease)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew(redis), name="velox.limits.leases")
        return decision(left), lease

    def leave(self, leases: Iterable[Lease]) -> list[Lease]:
        """The request has ended; what is returned is to be :meth:`given back <give_back>` to Redis."""
        far = []
        for lease in leases:
            if lease.key:
                far.append(lease)
            else:
                self._local.leave(lease.digest)
        return far

    async def give_back(self, leases: Iterable[Lease]) -> None:
        """Tell Redis."""
        for lease in leases:
            self._held.discard(lease)
            assert self._redis is not None
            with contextlib.suppress(RedisDown):  # it ends by itself
                await self._redis.run(lambda client, lease=lease: client.zrem(lease.key, lease.id))  # type: ignore[misc]

    async def close(self) -> None:
        """Renew nothing any more."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    async def _renew(self, redis: Redis) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            keys: dict[str, list[str]] = {}
            for lease in self._held:
                keys.setdefault(lease.key, []).append(lease.id)
            for key, ids in keys.items():
                with contextlib.suppress(RedisDown):
                    await redis.run(lambda client, key=key, ids=ids: RENEW.run(client, [key], self._lease_s, *ids))  # type: ignore[misc]


def decision(left: int | None) -> Decision:
    return Decision(False, 0, RETRY_S, RETRY_S) if left is None else Decision(True, left, 0.0, 0.0)
