"""How long a failed job waits for its next attempt."""

from __future__ import annotations

import random
from datetime import timedelta

from velox.units import parse_duration

__all__ = ["BASE_S", "CAP_S", "Backoff", "bound_s", "delay_s"]

BASE_S = 1.0
"""The most that the first retry waits, in seconds; each further one may wait twice as long."""
CAP_S = 3_600.0
"""The most that any retry waits, in seconds."""

Backoff = str | float | timedelta
"""``"exponential"``, or a duration, to wait the same each time: ``"30s"``."""


def bound_s(failures: int) -> float:
    """The longest that a job waits after its ``failures``-th failure, in seconds: 1, 2, 4, ... up to an hour."""
    # 2**12 is beyond the cap already; a job with a thousand retries must not overflow a float.
    return float(min(CAP_S, BASE_S * 2 ** min(failures - 1, 12)))


def delay_s(backoff: Backoff, failures: int) -> float:
    """How long to wait after the ``failures``-th failure, in seconds.

    Exponential back-off has full jitter, a random time between 0 and its bound, so that jobs that failed together do
    not come back together (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter).
    """
    if backoff == "exponential":
        return random.uniform(0, bound_s(failures))  # noqa: S311 - no secret depends on it
    return parse_duration(backoff)
