"""Decides, with whichever store there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from velox.limits.hit import Decision, Hit
from velox.limits.local import LocalStore
from velox.limits.redis import RedisStore
from velox.redis import RedisDown
from velox.rules.limit import StoreFailure

__all__ = ["Limiter", "Unavailable"]

REMEMBERED: Final = 10_000
"""Refusals that a worker knows by itself; the oldest are forgotten first, which costs a question to Redis."""


class Unavailable(Exception):
    """The store is down, and a policy would rather refuse than not know."""


class Limiter:
    """Redis while it is up, if there is one; else the machine's own table.

    Who was refused by Redis is refused without asking again until the time is up: a flood that is blocked costs Redis
    nothing.

    Args:
        local: The machine's store.
        shared: The store on Redis, if there is one.
    """

    def __init__(
        self, local: LocalStore, shared: RedisStore | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._local = local
        self._shared = shared
        self._clock = clock
        self._refused: dict[tuple[Hit, ...], tuple[float, list[Decision]]] = {}

    async def hit(self, hits: Sequence[Hit], on_store_failure: Sequence[StoreFailure]) -> list[Decision | None]:
        """The answers in the order of ``hits``; ``None`` for a policy that lets pass while the store is down.

        Args:
            hits: The questions.
            on_store_failure: What each does when the store is down.

        Raises:
            Unavailable: It is, and one says ``"deny"``.
        """
        shared = self._shared
        if shared is None:
            return [*self._local.hit(hits)]
        asked = tuple(hits)
        known = self._refused.get(asked)
        if known is not None and (passed_s := self._clock() - known[0]) < wait_of(known[1]):
            return [later(decision, passed_s) for decision in known[1]]
        try:
            decisions = await shared.hit(hits)
        except RedisDown:
            return self._without(hits, on_store_failure)
        if not all(decision.allowed for decision in decisions):
            self._remember(asked, decisions)
        return [*decisions]

    def _without(self, hits: Sequence[Hit], on_store_failure: Sequence[StoreFailure]) -> list[Decision | None]:
        if "deny" in on_store_failure:
            raise Unavailable
        counted = [hit for hit, wish in zip(hits, on_store_failure, strict=True) if wish == "local"]
        answers = iter(self._local.hit(counted)) if counted else iter(())
        return [next(answers) if wish == "local" else None for wish in on_store_failure]

    def _remember(self, asked: tuple[Hit, ...], decisions: list[Decision]) -> None:
        self._refused.pop(asked, None)
        if len(self._refused) >= REMEMBERED:
            del self._refused[next(iter(self._refused))]
        self._refused[asked] = self._clock(), decisions


def wait_of(decisions: Sequence[Decision]) -> float:
    """Until all of them fit."""
    return max(decision.wait_s for decision in decisions)


def later(decision: Decision, passed_s: float) -> Decision:
    """``decision`` as it is told some seconds later; what came back meanwhile is left out."""
    return decision._replace(wait_s=max(0.0, decision.wait_s - passed_s), reset_s=max(0.0, decision.reset_s - passed_s))
