"""An answer as it is stored, and as it is told to a client."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

__all__ = ["Stored", "is_known", "storable"]

ENTITY_TAG: Final = re.compile(r'(?:W/)?("[!#-~\x80-\U0010ffff]*+")')
NOT_STORED: Final = frozenset(
    {"connection", "content-length", "content-type", "date", "keep-alive", "server", "transfer-encoding"}
    | {"vary", "x-request-id"}
)
"""The connection's own fields, and what is told anew each time."""


class Stored(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An answer.

    Attributes:
        body, content_type: Its content.
        headers: Its own header fields.
        etag: A strong validator (RFC 9110, section 8.8.3): the handler's own, or one of the body.
        missing: The detail of a ``NotFound``, which then is the answer; ``None``: it is a 200.
    """

    body: bytes
    content_type: str | None
    headers: tuple[tuple[str, str], ...]
    etag: str
    missing: str | None = None

    @classmethod
    def of(cls, answer: Any) -> Stored:
        """``answer``, a response of status 200."""
        body = answer.body or b""
        own = {name.title(): str(value) for name, value in answer.headers.items()}
        etag = own.pop("Etag", None) or f'"{blake2b(body, digest_size=12).hexdigest()}"'
        kept = tuple((name, value) for name, value in own.items() if name.lower() not in NOT_STORED)
        return cls(body, answer.content_type, kept, etag)

    @classmethod
    def not_found(cls, detail: str | None) -> Stored:
        return cls(b"", None, (), "", detail or "")


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Stored).decode


def storable(answer: Any, *, private: bool, vary: Collection[str]) -> bool:
    """Whether ``answer`` may be given to others: those of the same caller, if it is ``private``.

    Args:
        answer: What the handler's endpoint returned.
        private: Whether answers are kept apart by caller.
        vary: The request's header fields by which they are kept apart, in lower case.
    """
    if answer is None or answer.status != 200 or answer.body is None or "set-cookie" in answer.headers:
        return False
    if getattr(answer, "_cookies", None):
        return False
    if not directives(answer.headers.getall("vary", ())) <= set(vary):
        return False
    said = directives(answer.headers.getall("cache-control", ()))
    return "no-store" not in said and (private or "private" not in said)


def directives(fields: Iterable[str]) -> set[str]:
    return {part.partition("=")[0].strip().lower() for field in fields for part in field.split(",")}


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether ``If-None-Match`` says that the client has this very answer (RFC 9110, section 13.1.2)."""
    condition = headers.get("if-none-match")
    if condition is None:
        return False
    if condition.strip() == "*":
        return True
    opaque = etag.removeprefix("W/")
    return any(found[1] == opaque for found in ENTITY_TAG.finditer(condition))
