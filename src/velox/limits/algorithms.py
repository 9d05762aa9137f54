"""The three ways to count, without a store: from a state, a time and a cost to a decision and a new state.

A state is ten numbers, all zero for somebody new. Times are seconds of one clock that only goes forward.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from velox.rules.rate import Rate

__all__ = ["ALGORITHMS", "NEW", "NUMBERS", "SLICES", "Outcome", "State"]

State = tuple[float, ...]
SLICES: Final = 8
NUMBERS: Final = SLICES + 2
"""Of a state."""
NEW: Final[State] = (0.0,) * NUMBERS
REST: Final = NEW[1:]
EPSILON: Final = 1e-6
"""A microsecond: sums of a period's parts differ from the period by less."""


class Outcome(NamedTuple):
    """What one hit comes to.

    Attributes:
        allowed: Whether it fits.
        remaining: What fits after it (or now, if it does not fit), in whole units.
        wait_s: Until it would fit; 0 if it does.
        reset_s: Until everything fits again.
        state: The state afterwards; the old one if it does not fit.
    """

    allowed: bool
    remaining: int
    wait_s: float
    reset_s: float
    state: State


def gcra(state: State, now_s: float, rate: Rate, cost: int) -> Outcome:
    """The generic cell rate algorithm (ITU-T I.371, annex A): the state is the time when all that was used has come
    back; one unit comes back in each ``period / count``.
    """
    unit_s = rate.period_s / rate.count
    empty_s = max(state[0], now_s)
    after_s = empty_s + cost * unit_s
    wait_s = after_s - rate.period_s - now_s
    if wait_s <= EPSILON:
        return Outcome(True, units(now_s + rate.period_s - after_s, unit_s), 0.0, after_s - now_s, (after_s, *REST))
    return Outcome(False, units(now_s + rate.period_s - empty_s, unit_s), wait_s, empty_s - now_s, state)


def units(left_s: float, unit_s: float) -> int:
    return max(0, math.floor((left_s + EPSILON) / unit_s))


def fixed(state: State, now_s: float, rate: Rate, cost: int) -> Outcome:
    """A counter for each period of the clock; the state is the period's number and its count."""
    number = now_s // rate.period_s
    used = state[1] if state[0] == number else 0.0
    reset_s = (number + 1) * rate.period_s - now_s
    if used + cost <= rate.count:
        return Outcome(True, int(rate.count - used - cost), 0.0, reset_s, (number, used + cost, *REST[1:]))
    return Outcome(False, int(rate.count - used), reset_s, reset_s, state)


def sliding(state: State, now_s: float, rate: Rate, cost: int) -> Outcome:
    """A window that ends now, counted in eighths of the period: the state is the number of the present eighth, its
    count, and those of the eight before. The oldest counts until all of it has left the window, so that no period ever
    has more than the limit; who is refused may wait an eighth longer than a list of all hits would have it.
    """
    slice_s = rate.period_s / SLICES
    number = now_s // slice_s
    counts = shifted(state, number)
    used = sum(counts)
    left_s = number * slice_s - now_s  # what is counted in slice k leaves (9 - k) slices after this
    if used + cost <= rate.count:
        counts = (counts[0] + cost, *counts[1:])
        return Outcome(True, int(rate.count - used - cost), 0.0, reset_of(counts, left_s, slice_s), (number, *counts))
    wait_s, freed = 0.0, 0.0
    for age in range(SLICES, -1, -1):
        freed += counts[age]
        wait_s = left_s + (SLICES + 1 - age) * slice_s
        if used - freed + cost <= rate.count:
            break
    return Outcome(False, int(rate.count - used), wait_s, reset_of(counts, left_s, slice_s), state)


def shifted(state: State, number: float) -> State:
    """The counts as slice ``number`` sees them."""
    age = int(min(number - state[0], SLICES + 1))
    return (0.0,) * age + state[1 : SLICES + 2 - age]


def reset_of(counts: State, left_s: float, slice_s: float) -> float:
    """Until the newest count leaves."""
    newest = next((age for age, count in enumerate(counts) if count), SLICES)
    return left_s + (SLICES + 1 - newest) * slice_s


ALGORITHMS: Final[Mapping[str, Callable[[State, float, Rate, int], Outcome]]] = {
    "gcra": gcra,
    "sliding": sliding,
    "fixed": fixed,
}
