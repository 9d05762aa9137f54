"""The numbers that benchmarks report follow from their samples."""

from __future__ import annotations

import pytest

from benchmarks.summary import Sample, paired_ratio, summarise, table


def test_cost_is_cpu_time_by_answers() -> None:
    """A sample's cost is the server's CPU time divided by its answers, and its rate is by the wall clock."""
    sample = Sample(answered=2_000, cpu_s=0.1, wall_s=0.5)
    assert sample.cpu_us == pytest.approx(50)
    assert sample.per_s == 4_000


def test_summary_is_medians_and_spread() -> None:
    """One disturbed round moves the spread, not the median."""
    samples = [Sample(1_000, cost, 1.0) for cost in (0.03, 0.031, 0.9)]
    summary = summarise(samples)
    assert (summary.cpu_us, summary.lowest_cpu_us, summary.highest_cpu_us) == pytest.approx((31, 30, 900))
    assert summary.per_s == 1_000


def test_ratio_is_taken_within_rounds() -> None:
    """A machine that is half as fast in one round changes both of its samples, and no ratio."""
    ours = [Sample(1_000, cost, 1.0) for cost in (0.011, 0.022, 0.0112)]
    theirs = [Sample(1_000, cost, 1.0) for cost in (0.010, 0.020, 0.010)]
    assert paired_ratio(ours, theirs) == pytest.approx(1.1)


def test_ratio_needs_equal_rounds() -> None:
    """Samples that do not belong together are refused."""
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([Sample(1, 1, 1)], [])


def test_table_is_markdown() -> None:
    """Names stand to the left, numbers to the right."""
    assert table(["request", "µs"], [["GET", "1.5"]]) == "| request | µs |\n| --- | --: |\n| GET | 1.5 |"
