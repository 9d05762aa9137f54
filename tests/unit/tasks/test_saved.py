"""The table of the long runs."""

from __future__ import annotations

from benchmarks.chaos.jobs.saved import page


def test_each_scenario_is_a_row_of_the_table() -> None:
    rows = page([("redis: kill -9", "0 lost"), ("redis: garbage", "dead: a|b")], jobs=10_000, kills=5).splitlines()

    assert "10,000 jobs, 5 kills" in rows[0]
    assert rows[-2:] == ["| redis | kill -9 | 0 lost |", "| redis | garbage | dead: a\\|b |"]
