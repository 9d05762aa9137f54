"""When a dead worker is started again."""

from __future__ import annotations

from velox.http.restarts import Deaths, RestartPolicy


def test_the_first_start_is_at_once_and_each_further_one_waits_longer() -> None:
    """Until the limit, at which it is given up."""
    deaths = Deaths(RestartPolicy())
    assert [deaths.add(0.1) for _ in range(5)] == [0.0, 0.1, 0.2, 0.4, None]


def test_a_worker_that_lived_clears_the_count() -> None:
    """Its own death is the first of a new row."""
    deaths = Deaths(RestartPolicy())
    for _ in range(4):
        deaths.add(0.1)
    assert deaths.add(10.0) == 0.0
    assert deaths.add(0.1) == 0.1


def test_no_delay_is_longer_than_the_longest() -> None:
    """However many deaths there were."""
    policy = RestartPolicy(limit=100, longest_s=5.0)
    assert policy.delay_after(99) == 5.0
