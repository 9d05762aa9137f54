"""Whether a request may be sent twice."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["IdempotentOption"]

IdempotentOption: TypeAlias = bool | Literal["required"]
"""What ``idempotent=`` takes: whether ``Idempotency-Key`` is honoured; ``"required"``: and has to be there."""
