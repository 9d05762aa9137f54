"""How a model is served: its bounds and times."""

from __future__ import annotations

from dataclasses import dataclass

from velox.ml.artifact import OnMismatch

__all__ = ["Serving"]


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is served.

    Args:
        max_rows: The most rows of one request.
        max_batch: The most rows of different requests that are answered together.
        max_queue: The most rows that wait for the model; the next gets a 503.
        max_wait_s: How long a row waits for others, in seconds. 0: only for those that are already there.
        timeout_s: How long a row may take, in seconds; then it gets a 503, and a process that is still at it is
            replaced.
        poll_s: How often the registry's aliases are looked at, in seconds.
        on_mismatch: ``"warn"`` or ``"refuse"`` a model of another minor release of scikit-learn.
        max_memory_bytes: What a model in a process of its own may take there, beside Python and scikit-learn.
        load_timeout_s: How long such a process may take to load it, in seconds.
        cache_s: How long an answer is remembered, in seconds, where that is quicker than the model. 0: not at all.
    """

    max_rows: int = 1000
    max_batch: int = 64
    max_queue: int = 1000
    max_wait_s: float = 0.0
    timeout_s: float = 10.0
    poll_s: float = 1.0
    on_mismatch: OnMismatch = "warn"
    max_memory_bytes: int = 2 * 2**30
    load_timeout_s: float = 60.0
    cache_s: float = 0.0
