"""The secret of an API key: shown once, stored as a digest, found by its prefix.

``vx_4fzkq81b_9Vd…``: who leaks one can be told which by its prefix, and scanners of source code find it by its form.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field
from typing import Final, Self

__all__ = ["KeySecret"]

MARK: Final = "vx"
PREFIX_LENGTH: Final = 8
SECRET_LENGTH: Final = 43
"""Characters of base 62: 256 bits, so a fast digest is enough; a slow one is for what people choose themselves."""
ALPHABET: Final = string.ascii_letters + string.digits
FORM: Final = re.compile(rf"{MARK}_([A-Za-z0-9]{{{PREFIX_LENGTH}}})_([A-Za-z0-9]{{{SECRET_LENGTH}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeySecret:
    """A key as its owner has it."""

    prefix: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """One that nobody can guess."""
        return cls(random_text(PREFIX_LENGTH), random_text(SECRET_LENGTH))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that ``text`` is; ``None`` when it has not the form of one."""
        found = FORM.fullmatch(text)
        return cls(found[1], found[2]) if found else None

    @property
    def text(self) -> str:
        """What its owner sends."""
        return f"{MARK}_{self.prefix}_{self.secret}"

    @property
    def digest(self) -> str:
        """What is stored: SHA-256 in hexadecimal."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def matches(self, digest: str) -> bool:
        """Whether ``digest`` is this key's; compared in constant time."""
        return hmac.compare_digest(self.digest, digest)


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
