"""Conditional requests: does the client have the file already, or another than it thinks (RFC 9110, section 13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

__all__ = ["Validators", "is_modified", "is_same_part", "may_proceed"]

ENTITY_TAG: Final = re.compile(r'(W/)?"[!#-~\x80-\U0010ffff]*+"')
SETTLED_S: Final = 1.0
"""A file changed less than this before it was read may change again without its time changing."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a file from another.

    Attributes:
        etag: ``"..."``, or ``W/"..."`` while the file may still change unnoticed (section 8.8.1).
        modified_s: When it was changed, in whole seconds since the epoch: what ``Last-Modified`` can say.
    """

    etag: str
    modified_s: int

    @classmethod
    def of(cls, *, modified_ns: int, size: int, now_s: float) -> Validators:
        """The validators of a file that was changed at ``modified_ns`` and read at ``now_s``."""
        weak = "W/" if now_s - modified_ns / 1e9 < SETTLED_S else ""
        return cls(f'{weak}"{modified_ns:x}-{size:x}"', modified_ns // 10**9)

    @property
    def last_modified(self) -> str:
        """The value of ``Last-Modified``."""
        return formatdate(self.modified_s, usegmt=True)


def may_proceed(headers: Mapping[str, str], known: Validators) -> bool:
    """Whether ``If-Match`` and ``If-Unmodified-Since`` hold; if not, the answer is a 412."""
    match = headers.get("if-match")
    if match is not None:
        return match.strip() == "*" or any(tag == known.etag and not tag.startswith("W/") for tag in entity_tags(match))
    since_s = http_date_s(headers.get("if-unmodified-since"))
    return since_s is None or known.modified_s <= since_s


def is_modified(headers: Mapping[str, str], known: Validators, *, by_date: bool = True) -> bool:
    """Whether ``If-None-Match``, or without it ``If-Modified-Since``, ask for the file; if not, the answer is a 304.

    Args:
        headers: The request's.
        known: The file's.
        by_date: Whether dates count.
    """
    none_match = headers.get("if-none-match")
    if none_match is not None:
        opaque = known.etag.removeprefix("W/")
        return none_match.strip() != "*" and all(tag.removeprefix("W/") != opaque for tag in entity_tags(none_match))
    since_s = http_date_s(headers.get("if-modified-since")) if by_date else None
    return since_s is None or known.modified_s > since_s


def is_same_part(headers: Mapping[str, str], known: Validators) -> bool:
    """Whether ``If-Range`` lets a part be sent: the client's other parts are of this very version (section 13.1.5)."""
    condition = headers.get("if-range")
    if condition is None:
        return True
    if known.etag.startswith("W/"):
        return False
    return condition.strip() in (known.etag, known.last_modified)


def entity_tags(value: str) -> list[str]:
    return [found[0] for found in ENTITY_TAG.finditer(value)]


def http_date_s(value: str | None) -> int | None:
    """A date of HTTP in seconds since the epoch; ``None`` for what is none, which is ignored (section 13.1.3)."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
        return int((date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
