"""The waits between attempts."""

from __future__ import annotations

import pytest

from velox.tasks.backoff import CAP_S, bound_s, delay_s


def test_the_bound_doubles_with_each_failure_up_to_the_cap() -> None:
    assert [bound_s(failures) for failures in range(1, 6)] == [1, 2, 4, 8, 16]
    assert bound_s(100_000) == CAP_S


def test_exponential_backoff_has_full_jitter() -> None:
    """Anything between nothing and the bound: of many waits, some are in each quarter of it."""
    waits = [delay_s("exponential", 5) for _ in range(400)]

    assert {int(wait // 4) for wait in waits} == {0, 1, 2, 3}


def test_a_duration_is_the_same_wait_each_time() -> None:
    assert [delay_s("30s", failures) for failures in (1, 2, 9)] == [30, 30, 30]


@pytest.mark.parametrize("wrong", ["soon", "30"])
def test_what_is_no_duration_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        delay_s(wrong, 1)
