"""``Range``: which part of a file is wanted (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Part", "Unsatisfiable", "wanted_part"]

BYTES: Final = re.compile(r"[Bb][Yy][Tt][Ee][Ss]=[ \t]*([0-9]*)-([0-9]*)[ \t]*")
MAX_DIGITS: Final = 19
"""Of a position: 2**63 has 19. Python would take a while for a million."""


class Unsatisfiable(Exception):
    """The range is right, but the file has no such part."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from ``first`` to ``last``, both included, of ``total``."""

    first: int
    last: int
    total: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """The value of ``Content-Range``."""
        return f"bytes {self.first}-{self.last}/{self.total}"


def wanted_part(value: str, total: int) -> Part | None:
    """The part that ``Range: value`` asks of ``total`` bytes; ``None`` for the whole.

    What is not understood is ignored (section 14.2): another unit, a malformed range. So are several ranges, which a
    server may do, and which spares it what Apache once died of: a thousand overlapping ones.

    Raises:
        Unsatisfiable: There is nothing at that place.
    """
    found = BYTES.fullmatch(value)
    if found is None or not any(found.groups()) or max(map(len, found.groups())) > MAX_DIGITS:
        return None
    if not found[1]:
        return last_bytes(int(found[2]), total)
    first, last = int(found[1]), int(found[2]) if found[2] else total - 1
    if found[2] and last < first:
        return None
    if first >= total:
        raise Unsatisfiable
    return Part(first, min(last, total - 1), total)


def last_bytes(count: int, total: int) -> Part | None:
    if not count:
        raise Unsatisfiable
    # An empty file has last bytes, but no way to write down which (section 14.4): it is sent whole.
    return Part(max(0, total - count), total - 1, total) if total else None
