"""What engines that are brokers have in common: outcomes are written into the database first, then acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from velox.tasks.message import Delivery, Message, Outcome
from velox.tasks.state import State

if TYPE_CHECKING:
    from velox.tasks.sql.connections import Connections
    from velox.tasks.sql.store import Store

__all__ = ["HasQueues", "Recorder", "handed_back"]


class HasQueues(Protocol):
    """Who knows the queues of all tasks."""

    @property
    def queues(self) -> Sequence[str]: ...


def handed_back(delivery: Delivery) -> Message:
    """The message to send again: the broker counts its deliveries anew, and this one does not count."""
    return replace(delivery.message, deliveries=delivery.deliveries - 1)


class Recorder:
    """Keeps the rows of jobs that a broker held: results, dead letters, and retries, which wait in the database.

    If the process dies between this and the acknowledgement, the job is delivered again: at least once.
    """

    def __init__(self, connections: Connections, store: Store) -> None:
        self._connections = connections
        self._store = store

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write what is not handed back; it is safe when this returns."""
        ended = [each for each in outcomes if each.state is not State.QUEUED]
        if ended:
            async with self._connections.writing() as connection:
                await self._store.record(connection, ended)
