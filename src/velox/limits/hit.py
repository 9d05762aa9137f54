"""What a request asks of a store of limits, and what the store answers."""

from __future__ import annotations

from typing import NamedTuple

from velox.rules.limit import Algorithm
from velox.rules.rate import Rate

__all__ = ["Decision", "Hit"]


class Hit(NamedTuple):
    """One policy's question.

    Attributes:
        scope: Whose counter it is: the app's, a blueprint's, a route's, or that of a policy with a name.
        caller: Whom it counts.
        rate, algorithm, cost: How.
    """

    scope: str
    caller: str
    rate: Rate
    algorithm: Algorithm
    cost: int

    @property
    def key(self) -> str:
        """What tells counters apart. Another rate, as after a change of plan, begins anew."""
        return f"{self.scope}|{self.rate.text}|{self.algorithm}|{self.caller}"


class Decision(NamedTuple):
    """The answer.

    Attributes:
        allowed: Whether the hit fits. It was counted only if all hits of the request fit.
        remaining: What fits now.
        wait_s: Until the hit fits; 0 if it does.
        reset_s: Until everything fits.
    """

    allowed: bool
    remaining: int
    wait_s: float
    reset_s: float
