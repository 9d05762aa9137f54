"""A measurement says how quiet the machine was."""

from __future__ import annotations

import os

import pytest

from benchmarks.machine import TICKS_PER_S, Quietness, busy_s

FIRST = "cpu  100 20 30 5000 7 1 2 3 0 0\ncpu0 50 10 15 2500 3 0 1 1 0 0\n"


def test_busy_is_all_but_idle_and_waiting() -> None:
    """Stolen time counts: it is work of others too."""
    assert busy_s(FIRST) == pytest.approx(156 / TICKS_PER_S)


def test_others_are_what_is_left() -> None:
    """Of 3 s of work in 2 s, 2 s were our own: others had 1 s of the cores."""
    own, clock = iter([10.0, 12.0]), iter([0.0, 2.0])
    later = FIRST.replace("cpu  100", f"cpu  {100 + 3 * TICKS_PER_S}")
    texts = iter([FIRST, later])
    quietness = Quietness(lambda: next(own), lambda: next(clock), lambda: next(texts))
    assert quietness.others() == pytest.approx(1 / (2 * (os.cpu_count() or 1)))
