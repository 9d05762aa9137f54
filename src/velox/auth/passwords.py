"""Passwords: hashed with Argon2id, checked in constant time, and never on the event loop."""

from __future__ import annotations

import asyncio
import secrets
from functools import cached_property
from typing import Final

from velox.errors import ConfigurationError

try:
    from argon2 import PasswordHasher as Argon2
    from argon2.exceptions import InvalidHashError, VerificationError
except ImportError:
    raise ConfigurationError(
        "VX701", "velox.auth needs argon2-cffi, which is not installed", hint="Run: pip install 'velox-framework[auth]'"
    ) from None

__all__ = ["MAX_PASSWORD_BYTES", "MIN_PASSWORD_LENGTH", "PasswordHasher"]

MIN_PASSWORD_LENGTH: Final = 10
"""Characters. NIST SP 800-63B-4 wants at least 8, and nothing about upper case or digits."""
MAX_PASSWORD_BYTES: Final = 1024
"""A longer one is refused before it is hashed: hashing reads every byte."""
AT_ONCE: Final = 2
"""Hashes that a worker computes at the same time. Each takes 19 MiB and a core for about 20 ms, so a flood of log-ins
waits in line instead of taking what all other requests live on.
"""


class PasswordHasher:
    """Argon2id (RFC 9106), by default as OWASP's Password Storage Cheat Sheet has it first.

    Args:
        memory_kib: What one hash takes of memory. Default: 19 MiB.
        iterations: How often it goes over that memory. Default 2.
    """

    def __init__(self, memory_kib: int = 19 * 1024, iterations: int = 2) -> None:
        self._argon2 = Argon2(time_cost=iterations, memory_cost=memory_kib, parallelism=1)
        self._turns = asyncio.Semaphore(AT_ONCE)

    @cached_property
    def _of_nobody(self) -> str:
        """The digest of a password that nobody has."""
        return self._argon2.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        """The digest to store: Argon2's own text form, with its salt and parameters.

        Raises:
            ValueError: It has more than :data:`MAX_PASSWORD_BYTES` in UTF-8.
        """
        if len(password.encode()) > MAX_PASSWORD_BYTES:
            raise ValueError(f"a password has at most {MAX_PASSWORD_BYTES} bytes")
        async with self._turns:
            return await asyncio.to_thread(self._argon2.hash, password)

    async def verify(self, digest: str | None, password: str) -> bool:
        """Whether ``digest`` was made of ``password``.

        Args:
            digest: The stored one. ``None``: there is no such account, and the answer is ``False``, after just as long:
                the time must not tell which accounts there are.
            password: What the client says.
        """
        async with self._turns:
            return await asyncio.to_thread(self._verify, digest, password[:MAX_PASSWORD_BYTES])

    def is_outdated(self, digest: str) -> bool:
        """Whether ``digest`` has other parameters than this hasher's, so that the password should be hashed anew."""
        return self._argon2.check_needs_rehash(digest)

    def _verify(self, digest: str | None, password: str) -> bool:
        try:
            self._argon2.verify(digest or self._of_nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return digest is not None
