"""Who asks: found out by auth, and of use to everything that tells users apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from sanic import Request

__all__ = ["Identified", "Identify", "by_caller", "reads_nothing", "reads_only"]


Fn = TypeVar("Fn", bound=Callable[..., Any])


class Identified(Protocol):
    """Whoever is at the other end of a request."""

    @property
    def key(self) -> str:
        """The same in every request of one user, and no other's."""


Identify = Callable[[Request], Awaitable[Identified | None]]
"""``None``: nobody who says so. Asked any number of times in a request, and answered from the first."""

READS: Final = "__velox_reads__"


def by_caller(provider: Fn) -> Fn:
    """Mark a provider that takes the request only to find out who asks: what is made of it is good for that caller."""
    setattr(provider, READS, "caller")
    return provider


def reads_nothing(provider: Fn) -> Fn:
    """Mark a provider that takes the request, but whose result does not depend on it."""
    setattr(provider, READS, "nothing")
    return provider


def reads_only(provider: Callable[..., Any]) -> str | None:
    """``"caller"`` or ``"nothing"`` for a provider that was marked so."""
    found: str | None = getattr(provider, READS, None)
    return found
