"""``Cache``: values by key, for handlers, tasks and whoever else asks for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, TypeVar, overload

from velox.cache.codec import decoder, encode
from velox.cache.engine import Engine
from velox.cache.loading import Loaded, Times
from velox.units import parse_duration

__all__ = ["CURRENT", "Cache"]

T = TypeVar("T")
CURRENT: ContextVar[Callable[[], Callable[[], Engine | None] | None]] = ContextVar("velox_cache")
"""A weak reference to what has the cache of the app that runs, for functions that belong to no app."""


class Cache:
    """The app's cache; a handler gets one by a parameter of this type.

    Values are written as JSON and read back as the type that is asked for: models, dataclasses, dates, ``bytes`` and
    everything else that pydantic knows. What does not fit the type is as if it were not there.

    Made in a handler, an invalidation counts at once and once more when the handler's transaction has committed: what
    somebody else loaded in between was made of the old rows.
    """

    def __init__(
        self, engine: Callable[[], Engine], again: Callable[[Collection[str], bool], None] | None = None
    ) -> None:
        self._engine = engine
        self._again = again

    @overload
    async def get(self, key: str, kind: type[T]) -> T | None: ...

    @overload
    async def get(self, key: str) -> Any: ...

    async def get(self, key: str, kind: Any = Any) -> Any:
        """The value of ``key`` as a ``kind``; ``None``: there is none, or it is over, or no ``kind``."""
        engine = self._engine()
        held = engine.near(key)
        entry = held.entry if held is not None else await engine.get(key)
        if entry is None:
            return None
        try:
            return decoder(kind)(entry.payload)
        except ValueError:
            return None

    async def set(self, key: str, value: Any, ttl: str | float | timedelta, *, tags: Collection[str] = ()) -> None:
        """Store ``value`` for ``ttl`` (``"30s"``, a ``timedelta``, or seconds).

        Raises:
            ValueError: ``ttl`` is no duration.
            PydanticSerializationError: There is no JSON for the value.
        """
        await self._engine().put(key, encode(value), parse_duration(ttl), tags)

    async def get_or_set(
        self,
        key: str,
        load: Callable[[], Awaitable[T]],
        ttl: str | float | timedelta,
        *,
        kind: Any = Any,
        tags: Collection[str] = (),
        stale: str | float | timedelta = 0.0,
    ) -> T:
        """The value of ``key``; or what ``load()`` returns, which is called by one for all who wait.

        Args:
            key: The key.
            load: Makes the value.
            ttl: How long it is good.
            kind: What to read it as; ``Any`` gives what JSON has.
            tags: What it is made of.
            stale: How much longer it may be used if ``load`` fails.

        Raises:
            Exception: What ``load`` raised, when nothing stale can stand in.
        """

        async def loaded() -> Loaded:
            return Loaded(encode(await load()))

        times = Times(parse_duration(ttl), parse_duration(stale))
        found = await self._engine().find(key, tags, times, loaded)
        value: T = decoder(kind)(found.held.entry.payload)
        return value

    async def delete(self, *keys: str) -> None:
        """Forget the values of ``keys``, on all machines; a load that has begun does not bring them back."""
        await self._engine().remove(keys)
        if self._again is not None:
            self._again(keys, True)

    async def invalidate(self, *tags: str) -> None:
        """Forget everything that was made of ``tags``, on all machines; a load that has begun brings nothing back."""
        await self._engine().invalidate(tags)
        if self._again is not None:
            self._again(tags, False)
