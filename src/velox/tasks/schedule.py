"""When a task is enqueued by itself: by the clock, or every so often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from velox.units import parse_duration

__all__ = ["Schedule", "make_schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The ticks of a task.

    Attributes:
        text: As it was written.
        last: The last tick at or before a time (seconds since 1970), or None when there is none.
    """

    text: str
    last: Callable[[float], float | None]


def make_schedule(cron: str | None, every: str | float | timedelta | None, timezone: str = "UTC") -> Schedule | None:
    """A schedule from what the decorator was given; None when that is nothing.

    Raises:
        ValueError: It cannot be read.
    """
    if cron is not None and every is not None:
        raise ValueError("a task has a schedule or every, not both")
    if cron is not None:
        return cron_schedule(cron, timezone)
    return None if every is None else interval(every)


def interval(every: str | float | timedelta) -> Schedule:
    """Ticks at whole multiples since 1970, so that all schedulers mean the same ones."""
    every_s = parse_duration(every)
    if every_s < 1:
        raise ValueError(f"every={every!r} is less than a second")
    return Schedule(f"every {every_s:g} s", lambda now_s: now_s // every_s * every_s)


def cron_schedule(cron: str, timezone: str) -> Schedule:
    from cronsim import CronSim, CronSimError

    try:
        zone = ZoneInfo(timezone)
        CronSim(cron, datetime.now(zone))
    except CronSimError as error:
        raise ValueError(f"schedule={cron!r} is no cron expression: {error}") from None
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"timezone={timezone!r} is no time zone") from None

    def last(now_s: float) -> float | None:
        # Searched backwards from the next whole second, which is left out: the tick of this very second counts.
        start = (datetime.fromtimestamp(int(now_s), UTC) + timedelta(seconds=1)).astimezone(zone)
        found = next(CronSim(cron, start, reverse=True), None)
        return None if found is None else found.timestamp()

    return Schedule(cron, last)
