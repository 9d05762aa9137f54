"""What loads values, and what becomes of them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from velox.cache.entry import Entry
from velox.cache.memory import Held
from velox.errors import Problem

__all__ = ["Claim", "Found", "Load", "Loaded", "Status", "Times", "entry_of", "is_answer", "unstored"]

JITTER: Final = 0.1
"""The part of its time that an entry may lose, by chance."""


class Status(StrEnum):
    """Where a value came from."""

    HIT = "hit"
    MISS = "miss"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Times:
    """How long a value is good.

    Attributes:
        ttl_s: Fresh.
        stale_s: How much longer it may be used if need be.
        refreshes_early: Whether it may be made anew before it ends.
    """

    ttl_s: float
    stale_s: float = 0.0
    refreshes_early: bool = True


class Loaded(NamedTuple):
    """What a loader made.

    Attributes:
        payload: The value.
        ttl_s: Instead of the usual; ``0``: it is for who asked alone, and not stored.
    """

    payload: bytes
    ttl_s: float | None = None


class Found(NamedTuple):
    """A value.

    Attributes:
        held: The value as it is held.
        status: Where it came from.
    """

    held: Held
    status: Status


class Claim(NamedTuple):
    """To be who makes an entry of Redis.

    Attributes:
        token: What the loader's key holds.
        fence: The generations of the entry's tags, from before it is made.
    """

    token: bytes
    fence: dict[str, bytes]


Load = Callable[[], Awaitable[Loaded]]


def entry_of(loaded: Loaded, times: Times, now_s: float, cost_s: float, fence: dict[str, bytes]) -> Entry | None:
    """What was loaded, with its times; ``None``: it is not to be stored."""
    ttl_s = (times.ttl_s if loaded.ttl_s is None else loaded.ttl_s) * (1 - JITTER * random.random())  # noqa: S311
    if ttl_s <= 0:
        return None
    stale_s = times.stale_s if loaded.ttl_s is None else 0.0
    return Entry(loaded.payload, now_s, now_s + ttl_s, now_s + ttl_s + stale_s, cost_s, fence)


def unstored(loaded: Loaded, now_s: float) -> Held:
    """What was loaded, for who asked alone."""
    return Held(Entry(loaded.payload, now_s, now_s, now_s), (), 0.0)


def is_answer(error: Exception) -> bool:
    """Whether ``error`` is what the loader had to say, rather than a failure to say anything."""
    return isinstance(error, Problem) and error.status < 500
