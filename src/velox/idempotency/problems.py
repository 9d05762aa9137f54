"""What a client is told whose ``Idempotency-Key`` cannot be honoured."""

from __future__ import annotations

from velox.errors import Conflict, Problem

__all__ = ["KeyInUse", "KeyReused"]


class KeyInUse(Conflict):
    """409: the first request with the key is still being answered; ``Retry-After`` says when to ask again."""

    title = "A request with this Idempotency-Key is outstanding"


class KeyReused(Problem):
    """422: the key stands for another request: another body, path or query."""

    status = 422
    title = "This Idempotency-Key was used for another request"
