"""Whose turn it is, by a rate."""

from __future__ import annotations

from velox.rules.rate import Rate
from velox.tasks.turns import Turns, take

RATE = Rate.parse("10/s")
NEW = Turns(0.0, 0.0)


def test_as_many_as_the_rate_says_start_at_once_and_the_others_come_back_a_turn_apart() -> None:
    answers, _ = take(NEW, 1000.0, RATE, 13)

    assert answers[:10] == [None] * 10
    assert [round(each - 1000.0, 3) for each in answers[10:] if each is not None] == [0.1, 0.2, 0.3]


def test_who_comes_back_then_gets_a_turn() -> None:
    answers, turns = take(NEW, 1000.0, RATE, 13)

    for due_s in answers[10:]:
        assert due_s is not None
        again, turns = take(turns, due_s, RATE, 1)
        assert again == [None]


def test_those_who_all_come_back_late_do_not_start_all_at_once() -> None:
    """No worker ran for an hour: the rate holds after it, too."""
    _, turns = take(NEW, 1000.0, RATE, 500)

    answers, _ = take(turns, 4600.0, RATE, 500)

    assert answers.count(None) == 10


def test_no_two_workers_tell_the_same_time() -> None:
    first, turns = take(NEW, 1000.0, RATE, 15)
    second, _ = take(turns, 1000.0, RATE, 5)

    told = [each for each in first + second if each is not None]
    assert len({round(each, 6) for each in told}) == 10
