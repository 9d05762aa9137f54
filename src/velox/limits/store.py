"""Limits as an extension of the app: the store opens with the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from velox.limits.attendance import Attendance
from velox.limits.leases import Leases
from velox.limits.limiter import Limiter
from velox.limits.local import LocalStore
from velox.limits.redis import RedisStore
from velox.limits.table import Table
from velox.redis import Redis

__all__ = ["LimitStore"]


class LimitStore:
    """Counts for all routes of an app.

    Args:
        keys: How many keys the machine's table has room for.
        secret: What digests of keys depend on.
        redis: Where all machines count together, if there is one.

    Attributes:
        shared_file: Says, when the worker starts, where the table is that all workers of this machine share; ``None``:
            this one has its own.
        leases_file: The same for how many requests are answered at once.
    """

    name = "limits"

    def __init__(self, *, keys: int, secret: bytes, redis: Redis | None) -> None:
        self.keys = keys
        self.shared_file: Callable[[], Path | None] = lambda: None
        self.leases_file: Callable[[], Path | None] = lambda: None
        self._secret = secret
        self._redis = redis
        self._table: Table | None = None
        self._limiter: Limiter | None = None
        self._attendance: Attendance | None = None
        self._leases: Leases | None = None

    async def start(self) -> None:
        """Open the table."""
        self._table = Table(self.keys, self.shared_file())
        shared = RedisStore(self._redis, self._secret) if self._redis is not None else None
        self._limiter = Limiter(LocalStore(self._table, self._secret), shared)
        self._attendance = Attendance(self.keys, self.leases_file())
        self._leases = Leases(self._attendance, self._redis, self._secret)

    async def stop(self) -> None:
        """Close it; what was counted on this machine stays with its other workers."""
        if self._leases is not None:
            await self._leases.close()
        opened = (self._table, self._attendance)
        self._table, self._limiter, self._attendance, self._leases = None, None, None, None
        for each in opened:
            if each is not None:
                each.close()

    async def ready(self) -> str | None:
        """It always is: without Redis, the machine counts by itself."""
        return None

    def limiter(self) -> Limiter:
        """What decides."""
        if self._limiter is None:
            raise RuntimeError("limits are counted only while the app runs")
        return self._limiter

    def leases(self) -> Leases:
        """What decides how many at once."""
        if self._leases is None:
            raise RuntimeError("limits are counted only while the app runs")
        return self._leases
