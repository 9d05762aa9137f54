"""How long an answer is good."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from velox.units import parse_duration

__all__ = ["CacheOption", "CachePolicy"]

Duration: TypeAlias = str | float | timedelta


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """A cached route with more to say than a time.

    Args:
        ttl: How long an answer is good: ``"30s"``, a ``timedelta``, or seconds; more than 0. Each gets up to a tenth
            less, so that what was cached at once does not end at once.
        stale: How much longer an answer may be used when no better one can be had: the handler fails, or is being asked
            already. Default: not at all.
        tags: What the answer was made of, for :meth:`velox.cache.Cache.invalidate`; ``{slug}`` in one is the path's
            value. With tags, clients are told to ask again each time, since they cannot be told that it changed.
        vary: Names of request headers that the answer depends on beyond what the signature says. A handler that takes
            the whole request has to say: an empty list is an answer too.
        public: One answer for everybody, also where somebody is signed in or a guard stands. Default: each caller has
            answers of their own as soon as the route knows who calls.
        negative: How long a ``NotFound`` is good. Default: not at all.

    Raises:
        ValueError: It cannot be as it is written.
    """

    ttl: Duration
    stale: Duration = 0.0
    tags: Collection[str] = ()
    vary: Collection[str] | None = None
    public: bool = False
    negative: Duration = 0.0

    def __post_init__(self) -> None:
        if parse_duration(self.ttl) <= 0:
            raise ValueError("ttl has to be more than 0")
        parse_duration(self.stale)
        parse_duration(self.negative)
        for name in ("tags", "vary"):
            if isinstance(getattr(self, name), str):
                raise ValueError(  # noqa: TRY004 - of one kind, like the others
                    f"{name} is a string, of which each letter would be one; write a list"
                )


CacheOption: TypeAlias = str | timedelta | CachePolicy | Literal[False] | None
"""What ``cache=`` takes: how long an answer is good, or a policy; ``False``: it is never used again, whatever the
blueprint and the app say."""
