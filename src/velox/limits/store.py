"""Limits as an extension of the app: the store opens with the worker."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from velox.limits.limiter import Limiter
from velox.limits.local import LocalStore
from velox.limits.redis import RedisStore
from velox.limits.table import Table
from velox.redis import Redis

__all__ = ["LimitStore", "make_shared_file", "remove_shared_file"]

PREFIX = "velox-limits-"
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - made with a random name, for this user only


class LimitStore:
    """Counts for all routes of an app.

    Args:
        keys: How many keys the machine's table has room for.
        secret: What digests of keys depend on.
        redis: Where all machines count together, if there is one.
        shared_file: Where the table is that all workers of this machine share; without one each has its own. Asked when
            the worker starts.
    """

    name = "limits"

    def __init__(
        self, *, keys: int, secret: bytes, redis: Redis | None, shared_file: Callable[[], Path | None]
    ) -> None:
        self.keys = keys
        self._secret = secret
        self._redis = redis
        self._shared_file = shared_file
        self._table: Table | None = None
        self._limiter: Limiter | None = None

    async def start(self) -> None:
        """Open the table."""
        self._table = Table(self.keys, self._shared_file())
        shared = RedisStore(self._redis, self._secret) if self._redis is not None else None
        self._limiter = Limiter(LocalStore(self._table, self._secret), shared)

    async def stop(self) -> None:
        """Close it; what was counted on this machine stays with its other workers."""
        table, self._table, self._limiter = self._table, None, None
        if table is not None:
            table.close()

    async def ready(self) -> str | None:
        """It always is: without Redis, the machine counts by itself."""
        return None

    def limiter(self) -> Limiter:
        """What decides."""
        if self._limiter is None:
            raise RuntimeError("limits are counted only while the app runs")
        return self._limiter


def make_shared_file(keys: int) -> Path:
    """A table for the workers of this process, which is their parent. Left-overs of parents that were killed go."""
    folder = IN_MEMORY if IN_MEMORY.is_dir() else Path(tempfile.gettempdir())
    for old in folder.glob(f"{PREFIX}*"):
        if not is_alive(old.name.removeprefix(PREFIX).partition("-")[0]):
            remove_shared_file(old)
    path = folder / f"{PREFIX}{os.getpid()}-{uuid4().hex}"
    Table.make_file(path, keys)
    return path


def remove_shared_file(path: Path) -> None:
    """Who has it open keeps it."""
    with contextlib.suppress(OSError):  # somebody else's, or gone
        path.unlink()


def is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
