"""What a provider is, by its looks: the type it makes and how it is called."""

from __future__ import annotations

import collections.abc
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.routing.annotation import base_type, display_name, type_hints

__all__ = ["Providers", "provided_type", "provider_kind"]

Providers = Mapping[Any, tuple[Callable[..., Any], str]]
"""What the app has registered: the type made → (the provider, its scope)."""

YIELDING = (
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.Generator,
    collections.abc.Iterator,
    collections.abc.Iterable,
)


def provider_kind(fn: Callable[..., Any]) -> str:
    """How to call ``fn``: ``"value"``, ``"awaitable"``, ``"generator"`` or ``"async_generator"``."""
    called = fn if inspect.isroutine(fn) or inspect.isclass(fn) else type(fn).__call__
    if inspect.isasyncgenfunction(called):
        return "async_generator"
    if inspect.isgeneratorfunction(called):
        return "generator"
    return "awaitable" if inspect.iscoroutinefunction(called) else "value"


def provided_type(fn: Callable[..., Any]) -> Any:
    """The type that provider ``fn`` makes, by its return annotation.

    Raises:
        ConfigurationError: VX207 when it has none, or a generator's does not say what it yields.
    """
    if inspect.isclass(fn):
        return fn
    returns = type_hints(fn).get("return")
    if returns in (None, type(None)):
        raise ConfigurationError(
            "VX207",
            f"{location_of(fn)}: provider {display_name(fn)} has no return annotation that says what it makes",
            hint="Annotate what it makes: -> T, or -> AsyncIterator[T] for a generator",
        )
    if not provider_kind(fn).endswith("generator"):
        return base_type(returns)
    if get_origin(returns) not in YIELDING:
        raise ConfigurationError(
            "VX207",
            f"{location_of(fn)}: provider {display_name(fn)} yields, but its return annotation is not an iterator",
            hint="Annotate -> AsyncIterator[T], or -> Iterator[T] for a plain generator",
        )
    return base_type(get_args(returns)[0])
