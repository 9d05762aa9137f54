"""When scheduled tasks tick."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from velox.tasks.schedule import make_schedule


def at(text: str, zone: Any = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def last(now_s: float, **options: Any) -> float | None:
    schedule = make_schedule(options.get("cron"), options.get("every"), options.get("timezone", "UTC"))
    assert schedule is not None
    return schedule.last(now_s)


def test_a_tick_is_due_in_its_very_second_and_not_before() -> None:
    noon = at("2026-03-01T12:00:00")

    assert last(noon, cron="0 12 * * *") == noon
    assert last(noon + 59.9, cron="0 12 * * *") == noon
    assert last(noon - 0.1, cron="0 12 * * *") == at("2026-02-28T12:00:00")


def test_every_ticks_at_the_same_moments_in_each_process() -> None:
    assert last(125.5, every="1m") == 120
    assert last(120, every="1m") == 120


def test_a_time_zone_has_its_own_noon_also_after_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    for day in ("2026-03-28", "2026-03-30"):
        noon = at(f"{day}T12:00:00", berlin)
        assert last(noon + 60, cron="0 12 * * *", timezone="Europe/Berlin") == noon


def test_no_schedule_is_none() -> None:
    assert make_schedule(None, None) is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"cron": "every day"}, "no cron expression"),
        ({"cron": "* * * * *", "timezone": "Mars/Olympus"}, "no time zone"),
        ({"every": "10ms"}, "less than a second"),
        ({"every": "often"}, "duration"),
        ({"cron": "* * * * *", "every": "1m"}, "not both"),
    ],
)
def test_what_cannot_be_read_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        last(0, **options)
