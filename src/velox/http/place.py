"""One of the places that workers have; workers come and go."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from velox.http.restarts import Deaths
from velox.http.worker import Worker

__all__ = ["Place"]


@dataclass(slots=True, eq=False)
class Place:
    """Who has it, and when the next one comes if nobody does.

    Attributes:
        number: From 0.
        deaths: Of those who had it.
        worker: Who has it.
        due_s: When the next worker is started if nobody has it, by the monotonic clock.
    """

    number: int
    deaths: Deaths
    worker: Worker | None = None
    due_s: float = field(default_factory=time.monotonic)
