"""When a worker that died is started again, and when that is given up."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Deaths", "RestartPolicy"]


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The worst case of the defaults: five starts in 0.7 s and what they take themselves, then the server ends.

    Attributes:
        early_s: A worker that lived shorter died early, in seconds; one that lived longer clears the count.
        limit: At so many early deaths in a row the server ends.
        delay_s: Before the second start in a row, in seconds; the first is at once: most deaths happen once.
        factor: Each further delay is longer by this.
        longest_s: No delay is longer, in seconds.
    """

    early_s: float = 10.0
    limit: int = 5
    delay_s: float = 0.1
    factor: float = 2.0
    longest_s: float = 5.0

    def delay_after(self, deaths: int) -> float | None:
        """Seconds to wait after ``deaths`` (1 or more) early deaths in a row; None: give up."""
        if deaths >= self.limit:
            return None
        return 0.0 if deaths <= 1 else min(self.delay_s * self.factor ** (deaths - 2), self.longest_s)


@dataclass(slots=True)
class Deaths:
    """The early deaths in a row of one place among the workers."""

    policy: RestartPolicy
    count: int = 0

    def add(self, lived_s: float) -> float | None:
        """One more worker died, ``lived_s`` after its start. Returns the seconds to wait; None: give up."""
        self.count = self.count + 1 if lived_s < self.policy.early_s else 1
        return self.policy.delay_after(self.count)
