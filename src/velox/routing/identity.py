"""Who asks: found out by auth, and of use to everything that tells users apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from sanic import Request

__all__ = ["Identified", "Identify"]


class Identified(Protocol):
    """Whoever is at the other end of a request."""

    @property
    def key(self) -> str:
        """The same in every request of one user, and no other's."""


Identify = Callable[[Request], Awaitable[Identified | None]]
"""``None``: nobody who says so. Asked any number of times in a request, and answered from the first."""
