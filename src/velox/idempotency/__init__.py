"""``Idempotency-Key``: a request that is sent twice has one effect, and one answer."""

from velox.idempotency.problems import KeyInUse, KeyReused

__all__ = ["KeyInUse", "KeyReused"]
