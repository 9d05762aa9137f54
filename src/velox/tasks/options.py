"""``Options``: how a task's jobs are run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from velox.rules.rate import Rate
from velox.tasks.backoff import Backoff
from velox.units import parse_duration

__all__ = ["DEFAULT_RETRIES", "Duration", "Options", "check_options"]

Duration = str | float | timedelta
DEFAULT_RETRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What a task's decorator says; all times in seconds."""

    queue: str = "default"
    """The queue that its jobs wait in."""
    retries: int = DEFAULT_RETRIES
    """How often it is tried again after a failure; then the job is dead."""
    backoff: Backoff = "exponential"
    """The wait before a retry."""
    timeout_s: float = 30.0
    """How long an attempt may take."""
    unique_for_s: float | None = None
    """For how long a second job with the same arguments, or the same key, is not enqueued."""
    rate: Rate | None = None
    """How many of its jobs may start in which time, in all workers together; None: as many as there are."""
    priority: int = 0
    """Jobs with a higher one run first, within their queue, where the engine can (a broker cannot)."""


def check_options(options: Mapping[str, Any]) -> Options:
    """What the decorator was given. Raises ValueError for a wrong value."""
    given = dict(options)
    for name in ("timeout", "unique_for"):
        value = given.pop(name, None)
        if value is not None:
            given[f"{name}_s"] = parse_duration(value)
    rate = given.get("rate")
    if rate is not None:
        given["rate"] = Rate.parse(rate)
    unknown = set(given) - set(Options.__dataclass_fields__)
    if unknown:
        raise ValueError(f"{min(unknown)!r} is none of its options")
    checked = Options(**given)
    if checked.retries < 0:
        raise ValueError(f"retries={checked.retries} is not a number of retries")
    if checked.backoff != "exponential":
        parse_duration(checked.backoff)
    if checked.timeout_s <= 0:
        raise ValueError("timeout has to be more than nothing")
    return checked
