"""Replacing workers one by one, so that as many as before serve at every moment.

For each place: start a new worker ──ready──▶ give it the place, ask the old one to leave ──gone──▶ the next place.
There is one worker more than asked for at most.
"""

from __future__ import annotations

from typing import Protocol

from velox.http.place import Place
from velox.http.worker import State, Worker

__all__ = ["Rollout", "Staff"]


class Staff(Protocol):
    """Who starts and stops workers."""

    def start(self, place: Place) -> Worker:
        """Start a worker that is to have ``place``."""

    def stop(self, worker: Worker) -> None:
        """Ask ``worker`` to drain and end."""


class Rollout:
    """A rolling restart under way.

    Args:
        staff: Who starts and stops workers.
        places: The places, in the order of their turn.

    Attributes:
        fresh: The new worker that is not ready yet.
    """

    def __init__(self, staff: Staff, places: list[Place]) -> None:
        self._staff = staff
        self._places = places
        self._old: Worker | None = None
        self.fresh: Worker | None = None

    def go_on(self) -> bool:
        """Take the next step if it can be taken. Returns whether there is more to do."""
        if self.fresh is not None and self.fresh.state is State.SERVING:
            place = self._places.pop(0)
            self._old, place.worker, self.fresh = place.worker, self.fresh, None
            if self._old is not None:
                self._staff.stop(self._old)
        if self._old is not None and self._old.state is State.GONE:
            self._old = None
        if self.fresh is None and self._old is None and self._places:
            self.fresh = self._staff.start(self._places[0])
        return self.fresh is not None or self._old is not None
