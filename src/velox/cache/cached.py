"""``@cached``: a function whose results are good for a while."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar, get_type_hints

import msgspec
from pydantic_core import to_jsonable_python

from velox.cache.cache import CURRENT
from velox.cache.codec import decoder, encode
from velox.cache.engine import Engine
from velox.cache.loading import Loaded, Times
from velox.errors import NotFound
from velox.units import parse_duration

__all__ = ["cached"]

P = ParamSpec("P")
T = TypeVar("T")
MISSING = b"\1"
"""The payload of a ``NotFound``; the rest is its detail."""


def cached(
    ttl: str | float | timedelta,
    *,
    key: str | Callable[..., str] | None = None,
    tags: Collection[str] = (),
    vary: Collection[str] | None = None,
    stale: str | float | timedelta = 0.0,
    negative: str | float | timedelta | None = None,
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Let an async function's results be used again, by the arguments it is called with.

    One call makes a result for all who wait for it, in the process and, with Redis, on all machines. Shortly before its
    end, one call makes it anew beside the others, who are not kept waiting. Results are written as JSON and read back
    as the function's return annotation says.

    Outside of a running app, as in a unit test, the function is simply called.

    Args:
        ttl: How long a result is good.
        key: The key: a text with arguments' names in braces, ``"rates:{currency}"``, or a function of the arguments.
            Default: the function's name and all arguments.
        tags: What a result is made of, for ``Cache.invalidate``; with arguments' names in braces: ``"link:{slug}"``.
        vary: Names of the arguments that make a difference. Default: all. A database session is none.
        stale: How much longer a result may be used if the function fails.
        negative: How long ``None``, and a ``NotFound`` that is raised, are good; ``0``: not at all. Default: ``None``
            as long as any result, and ``NotFound`` not at all.

    Raises:
        TypeError: It is no async function; or, when it is called, an argument has no JSON and is not left out by
            ``key`` or ``vary``.
    """
    times = Times(parse_duration(ttl), parse_duration(stale))
    negative_s = None if negative is None else parse_duration(negative)

    def decorate(fn: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        if not inspect.iscoroutinefunction(fn):
            raise TypeError(f"{fn.__qualname__} is not async: a cached function is")
        call = Call(fn, key, tags, vary)

        @wraps(fn)
        async def through_cache(*args: P.args, **kwargs: P.kwargs) -> T:
            engine = running()
            if engine is None:
                return await fn(*args, **kwargs)
            value: T = await call.through(engine, times, negative_s, args, kwargs)
            return value

        return through_cache

    return decorate


def running() -> Engine | None:
    """The cache of the app that runs."""
    reference = CURRENT.get(None)
    find = reference() if reference is not None else None
    return find() if find is not None else None


class Call:
    """How a function's calls become keys, and its results bytes.

    Args:
        fn: The function.
        key, tags, vary: As for :func:`cached`.
    """

    def __init__(
        self,
        fn: Callable[..., Awaitable[Any]],
        key: str | Callable[..., str] | None,
        tags: Collection[str],
        vary: Collection[str] | None,
    ) -> None:
        self._fn = fn
        self._name = f"{fn.__module__}.{fn.__qualname__}"
        self._signature = inspect.signature(fn)
        self._key = key
        self._tags = tuple(tags)
        self._vary = vary
        self._decode: Callable[[bytes], Any] | None = None

    async def through(
        self,
        engine: Engine,
        times: Times,
        negative_s: float | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """The result: from the cache, or made."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        key = self._key_of(bound.arguments, args, kwargs)
        tags = [tag.format_map(bound.arguments) for tag in self._tags]

        async def load() -> Loaded:
            try:
                result = await self._fn(*args, **kwargs)
            except NotFound as missing:
                if not negative_s:
                    raise
                return Loaded(MISSING + (missing.detail or "").encode(), negative_s)
            return Loaded(encode(result), negative_s if result is None else None)

        held = engine.near(key)
        if held is None:
            held = (await engine.find(key, tags, times, load)).held
        elif engine.is_due(held):
            engine.refresh(key, tags, times, load)
        payload = held.entry.payload
        if payload.startswith(MISSING):
            raise NotFound(payload[1:].decode() or None)
        if self._decode is None:
            # Not when it is decorated: a name in the annotation may be defined below the function.
            self._decode = decoder(get_type_hints(self._fn, include_extras=True).get("return", Any))
        return self._decode(payload)

    def _key_of(self, arguments: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        if isinstance(self._key, str):
            return self._key.format_map(arguments)
        if self._key is not None:
            return self._key(*args, **kwargs)
        chosen = arguments if self._vary is None else {name: arguments[name] for name in self._vary}
        try:
            return f"{self._name}{msgspec.json.encode(chosen, enc_hook=to_jsonable_python).decode()}"
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"an argument of {self._name} cannot be part of a key: {error}. Say what makes a difference:"
                ' @cached(..., key="name:{argument}"), or vary=["argument"]'
            ) from None
