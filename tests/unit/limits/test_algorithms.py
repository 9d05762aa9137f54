"""The algorithms keep what they promise, and say truly what is left and when."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velox.limits.algorithms import ALGORITHMS, NEW
from velox.rules import Rate

COUNTS = st.integers(1, 30)
PERIODS = st.sampled_from([1.0, 7.0, 60.0])
Steps = list[tuple[float, int]]
State = tuple[float, ...]
STEPS = st.lists(st.tuples(st.floats(0.0, 20.0), st.integers(0, 4)), max_size=40)
NAMES = st.sampled_from(sorted(ALGORITHMS))


def run(name: str, rate: Rate, steps: Steps) -> tuple[list[tuple[float, int]], float, State]:
    """What was allowed and when, the time, and the state."""
    now_s, state, passed = 1_000_000.0, NEW, []
    for wait_s, cost in steps:
        now_s += wait_s
        outcome = ALGORITHMS[name](state, now_s, rate, cost)
        state = outcome.state
        if outcome.allowed:
            passed.append((now_s, cost))
    return passed, now_s, state


def rate_of(count: int, period_s: float) -> Rate:
    return Rate(count, period_s, "")


@settings(deadline=None)  # the machine may be busy
@given(NAMES, COUNTS, PERIODS, STEPS)
def test_remaining_is_how_many_more_fit_now(name: str, count: int, period_s: float, steps: Steps) -> None:
    rate = rate_of(count, period_s)
    _, now_s, state = run(name, rate, steps)
    remaining = ALGORITHMS[name](state, now_s, rate, 0).remaining
    fits = 0
    while (outcome := ALGORITHMS[name](state, now_s, rate, 1)).allowed:
        fits, state = fits + 1, outcome.state
    assert fits == remaining


@settings(deadline=None)  # the machine may be busy
@given(NAMES, COUNTS, PERIODS, STEPS, st.integers(1, 30))
def test_a_refused_hit_fits_after_the_wait_and_not_before(
    name: str, count: int, period_s: float, steps: Steps, cost: int
) -> None:
    rate = rate_of(count, period_s)
    _, now_s, state = run(name, rate, steps)
    outcome = ALGORITHMS[name](state, now_s, rate, cost)
    if outcome.allowed or cost > count:
        return
    assert outcome.wait_s > 0
    assert ALGORITHMS[name](state, now_s + outcome.wait_s + 1e-3, rate, cost).allowed
    assert not ALGORITHMS[name](state, now_s + outcome.wait_s * 0.98 - 1e-3, rate, cost).allowed


@settings(deadline=None)  # the machine may be busy
@given(NAMES, COUNTS, PERIODS, STEPS)
def test_after_the_reset_everything_fits(name: str, count: int, period_s: float, steps: Steps) -> None:
    rate = rate_of(count, period_s)
    _, now_s, state = run(name, rate, steps)
    reset_s = ALGORITHMS[name](state, now_s, rate, 0).reset_s
    assert ALGORITHMS[name](state, now_s + reset_s + 1e-3, rate, count).allowed


@settings(deadline=None)  # the machine may be busy
@given(COUNTS, PERIODS, STEPS)
def test_gcra_never_passes_more_than_the_burst_and_what_came_back(count: int, period_s: float, steps: Steps) -> None:
    passed, _, _ = run("gcra", rate_of(count, period_s), steps)
    for first, (begin_s, _) in enumerate(passed):
        total = 0
        for now_s, cost in passed[first:]:
            total += cost
            assert total <= count + (now_s - begin_s) * count / period_s + 1e-3


@settings(deadline=None)  # the machine may be busy
@given(COUNTS, PERIODS, STEPS)
def test_fixed_passes_at_most_the_limit_in_each_period(count: int, period_s: float, steps: Steps) -> None:
    used: dict[float, int] = {}
    for now_s, cost in run("fixed", rate_of(count, period_s), steps)[0]:
        used[now_s // period_s] = used.get(now_s // period_s, 0) + cost
    assert all(each <= count for each in used.values())


@settings(deadline=None)  # the machine may be busy
@given(COUNTS, PERIODS, STEPS)
def test_sliding_passes_at_most_the_limit_in_any_period(count: int, period_s: float, steps: Steps) -> None:
    passed, _, _ = run("sliding", rate_of(count, period_s), steps)
    for begin_s, _ in passed:
        assert sum(cost for now_s, cost in passed if begin_s <= now_s < begin_s + period_s - 1e-6) <= count


def test_sliding_under_overload_passes_eight_ninths_of_the_limit_at_least() -> None:
    passed, _, _ = run("sliding", rate_of(90, 60.0), [(0.1, 1)] * 6000)
    assert 9 * len(passed) >= 8 * 90 * 10


def test_sliding_lets_no_burst_through_at_the_border_as_fixed_does() -> None:
    steps = [(55.0, 100), (10.0, 100)]  # 100 at the end of a period, 100 at the start of the next
    rate = rate_of(100, 60.0)
    start_s = 1_000_000.0 % 60.0
    steps[0] = (60.0 - start_s + 55.0, 100)
    assert [cost for _, cost in run("fixed", rate, steps)[0]] == [100, 100]
    assert [cost for _, cost in run("sliding", rate, steps)[0]] == [100]


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_what_costs_more_than_the_limit_never_fits(name: str) -> None:
    outcome = ALGORITHMS[name](NEW, 1000.0, rate_of(5, 60.0), 6)
    assert not outcome.allowed
    assert outcome.wait_s > 0
