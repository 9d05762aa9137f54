"""Which requests a canary answers: the same client always by the same version."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["takes_part"]

PARTS = 10_000
"""A percentage has two decimals."""


def takes_part(key: str, version: str, percent: float) -> bool:
    """Whether the client ``key`` belongs to the canary's share.

    Who belongs to it at 5% does at 20%; another version's canary has other clients.

    Args:
        key: The client: any text.
        version: The canary's, with the model's name: ``"titanic@3"``.
        percent: 0 to 100.
    """
    digest = blake2b(f"{version}\n{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % PARTS < percent * (PARTS / 100)
