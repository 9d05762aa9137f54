"""The header field ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header), and what a key stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from velox.errors import BadRequest, FieldError

__all__ = ["digest_of", "read_key"]

LONGEST: Final = 255
STRING: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
"""A String of RFC 9651, section 3.3.3: what the draft asks for."""
BARE: Final = re.compile(r"[!#-+\--:<-\[\]-~]+")
"""What many clients send instead: visible ASCII without quotes, and without ``"``, ``,``, ``;`` and a backslash."""


def read_key(fields: Sequence[str]) -> str | None:
    """The key in the values of all ``Idempotency-Key`` fields of a request; ``None`` when there is no field.

    Raises:
        BadRequest: There are several, or it is none, or longer than 255 characters.
    """
    if not fields:
        return None
    text = fields[0].strip()
    quoted, bare = STRING.fullmatch(text), BARE.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else bare[0] if bare else ""
    if len(fields) > 1 or not 1 <= len(key) <= LONGEST:
        raise BadRequest(
            f'Idempotency-Key is one string of 1 to {LONGEST} ASCII characters, such as "8e03978e-40d5-43dd-bc93".',
            errors=[FieldError("It is no key", "idempotency_key", parameter="header.idempotency-key")],
        )
    return key


def digest_of(*parts: str | bytes) -> str:
    """SHA-256 of ``parts``, of which none runs into the next, in 64 hexadecimal digits."""
    digest = sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
