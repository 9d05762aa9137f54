"""``"100/minute"``: how much in which time; ``"10 concurrent"``: how many at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from velox.units import parse_duration

__all__ = ["Rate"]

FORM = re.compile(r"(\d+)\s*(?:/|per\b)\s*(.+)")
AT_ONCE = re.compile(r"(\d+)\s*concurrent")
WORDS = re.compile(r"(second|sec|minute|min|hour|day|week)s?\b")
LETTERS = {"second": "s", "sec": "s", "minute": "m", "min": "m", "hour": "h", "day": "d", "week": "w"}
SHORTEST_S, LONGEST_S = 0.001, 366 * 86_400.0
MOST = 10**12


@dataclass(frozen=True, slots=True)
class Rate:
    """So much in so many seconds.

    Attributes:
        count: How much, at least 1.
        period_s: In which time; 0: at once.
        text: As it was written.
    """

    count: int
    period_s: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``"100/minute"``, ``"5/second"``, ``"1000 per day"``, ``"100/15m"``, ``"20/30 seconds"``, ``"1/s"``; or
        ``"10 concurrent"``.

        Raises:
            ValueError: It is no rate.
        """
        return parse(text)

    @property
    def is_concurrent(self) -> bool:
        """Whether it is how many at once, and not how many in a time."""
        return self.period_s == 0

    @property
    def window_s(self) -> int:
        """The period in whole seconds, at least 1, as header fields have it."""
        return max(1, round(self.period_s))


@lru_cache(1024)
def parse(text: str) -> Rate:
    wanted = f"{text!r} is not a rate such as '100/minute', '5/second' or '1000/12h', nor '10 concurrent'"
    at_once = AT_ONCE.fullmatch(text.strip().lower())
    if at_once is not None and 1 <= int(at_once[1]) <= MOST:
        return Rate(int(at_once[1]), 0.0, text.strip())
    found = FORM.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(wanted)
    count, period = int(found[1]), WORDS.sub(lambda word: LETTERS[word[1]], found[2])
    try:
        period_s = parse_duration(period if period[0].isdigit() else f"1{period}")
    except ValueError:
        raise ValueError(wanted) from None
    if not (1 <= count <= MOST and SHORTEST_S <= period_s <= LONGEST_S):
        raise ValueError(f"{text!r} is no rate: it has to be at least 1, in a millisecond to a year")
    return Rate(count, period_s, text.strip())
