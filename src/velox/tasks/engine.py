"""What an engine promises: it gives jobs out with a lease, and takes their outcomes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from velox.tasks.message import Delivery, Message, Outcome

__all__ = ["Engine"]


class Engine(Protocol):
    """A queue: the database itself, or a broker."""

    name: str
    holds: bool
    """Whether it keeps queued jobs outside of the database: then they have to be sent there."""

    async def start(self) -> None:
        """Open what it needs. Nothing may be lost when the other end is not there yet."""

    async def stop(self) -> None: ...

    async def ready(self) -> str | None:
        """``None`` when it answers, else why not."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Give jobs to the broker: when this returns, they are safe there. Raises when they may not be."""

    async def claim(self, queues: Sequence[str], limit: int) -> list[Delivery]:
        """Up to ``limit`` jobs, each with a lease."""

    def nudge(self) -> None:
        """There may be something to claim: end :meth:`wait`."""

    async def wait(self, timeout_s: float) -> None:
        """Wait until there may be something to claim, but no longer than this."""

    async def hold_off(self) -> None:
        """Give back what was fetched ahead, and fetch nothing until the next claim."""

    async def renew(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Prolong leases. Returns those that are lost: somebody else may have these jobs by now."""

    async def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Take outcomes: when this returns, they are safe. Outcomes with an old token change nothing."""

    async def depth(self) -> dict[str, int]:
        """How many jobs it holds outside of the database, by queue."""

    async def oldest(self) -> float | None:
        """Since when the oldest job waits that it holds outside of the database; None: there is none, or who knows."""
