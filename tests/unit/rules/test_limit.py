"""Rates and policies as they are written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from velox.limits import Caller, Policy, Rate


@pytest.mark.parametrize(
    ("text", "count", "period_s"),
    [
        ("100/minute", 100, 60.0),
        ("5/second", 5, 1.0),
        ("1000 per day", 1000, 86_400.0),
        ("100/15m", 100, 900.0),
        ("20 / 30 seconds", 20, 30.0),
        ("3/500ms", 3, 0.5),
        ("7/1h30m", 7, 5400.0),
        ("1/week", 1, 604_800.0),
        ("2/s", 2, 1.0),
        ("9/2 min", 9, 120.0),
    ],
)
def test_rates(text: str, count: int, period_s: float) -> None:
    rate = Rate.parse(text)
    assert (rate.count, rate.period_s) == (count, period_s)


@pytest.mark.parametrize("text", ["", "100", "/minute", "0/minute", "-1/s", "1.5/s", "1/fortnight", "1/0s", "1/9999w"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        Rate.parse(text)


async def later(caller: Caller) -> str:
    return "1/s"


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "often"},
        {"limit": "1/s", "algorithm": "leaky"},
        {"limit": "1/s", "on_store_failure": "crash"},
        {"limit": "1/s", "name": "Grüße"},
        {"limit": "1/s", "name": ""},
        {"limit": later},
    ],
)
def test_a_policy_that_cannot_be_is_refused_where_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is no|does not fit|is async"):
        Policy(**wrong)


def test_a_caller_is_counted_by_identity_then_by_address() -> None:
    assert Caller(None, "192.0.2.1", SimpleNamespace(key="account:7")).id == "account:7"
    assert Caller(None, "192.0.2.1").id == "ip:192.0.2.1"
