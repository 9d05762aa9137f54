"""The limits of one machine: exact for all of its workers, without a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b

from velox.limits.algorithms import ALGORITHMS, Outcome
from velox.limits.hit import Decision, Hit
from velox.limits.table import DIGEST_BYTES, Full, Table

__all__ = ["LocalStore"]


class LocalStore:
    """Counts in a table.

    Args:
        table: The table.
        secret: Digests depend on it, so that nobody outside can aim at a bucket.
        clock: Seconds of a clock that the machine's processes share and that only goes forward.
    """

    def __init__(self, table: Table, secret: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._secret = secret[:64]
        self._clock = clock

    def hit(self, hits: Sequence[Hit]) -> list[Decision]:
        """Count ``hits``, if all of them fit; the answers in their order."""
        table, secret = self._table, self._secret
        digests = [blake2b(hit.key.encode(), digest_size=DIGEST_BYTES, key=secret).digest() for hit in hits]
        with table.locked(digests):
            now_s = self._clock()
            states = [table.read(digest, now_s) for digest in digests]
            outcomes = [
                ALGORITHMS[hit.algorithm](state, now_s, hit.rate, hit.cost)
                for hit, state in zip(hits, states, strict=True)
            ]
            if all(outcome.allowed for outcome in outcomes):
                try:
                    for hit, digest, outcome in zip(hits, digests, outcomes, strict=True):
                        if hit.cost:
                            self._keep(hit, digest, outcome, now_s)
                except Full as full:
                    # Nobody can be counted for whom there is no room; letting them pass would let everybody pass.
                    return [Decision(False, 0, full.wait_s, full.wait_s) for _ in hits]
                return [Decision(*outcome[:4]) for outcome in outcomes]
        return [
            Decision(*(outcome if not outcome.allowed else ALGORITHMS[hit.algorithm](state, now_s, hit.rate, 0))[:4])
            for hit, state, outcome in zip(hits, states, outcomes, strict=True)
        ]

    def _keep(self, hit: Hit, digest: bytes, outcome: Outcome, now_s: float) -> None:
        free_s = now_s
        if outcome.remaining < 1:
            free_s += ALGORITHMS[hit.algorithm](outcome.state, now_s, hit.rate, 1).wait_s
        self._table.write(digest, outcome.state, now_s, free_s=free_s, expires_s=now_s + outcome.reset_s)
