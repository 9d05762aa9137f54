"""The keys that tokens are signed with, made of the app's secret key; old ones verify until they are taken out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["KeyRing", "SigningKey"]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the name by which a token says which one it was signed with (``kid``, RFC 7515, section 4.1.4)."""

    kid: str
    secret: bytes


class KeyRing:
    """The current key and those before it.

    Each use of a secret has a key of its own (HMAC-SHA-256 of the use's name), so that what is signed for one use says
    nothing in another.

    Args:
        secrets: The app's secret key first, then those that it replaced.
        use: What is signed, such as ``"velox.auth"``.
    """

    def __init__(self, secrets: Sequence[str], use: str) -> None:
        keys = [hmac.digest(secret.encode(), use.encode(), "sha256") for secret in secrets]
        self._keys = {(key := SigningKey(hashlib.sha256(secret).hexdigest()[:12], secret)).kid: key for secret in keys}
        self.current = next(iter(self._keys.values()))

    def find(self, kid: object) -> SigningKey | None:
        """The key of that name; ``None`` when it is not, or no longer, on the ring."""
        return self._keys.get(kid) if isinstance(kid, str) else None
