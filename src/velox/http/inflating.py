"""Compressed request bodies, read so that a small one cannot become a large one unseen."""

from __future__ import annotations

import zlib
from typing import Final

from sanic.exceptions import BadRequest, PayloadTooLarge

__all__ = ["CODINGS", "Inflater"]

CODINGS: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""The content codings that are read (RFC 9110, section 8.4.1), and zlib's number for their format."""
FREE_BYTES: Final = 64 * 2**10
"""A body may have so many bytes whatever its ratio: small ones of little content are nobody's attack."""


class Inflater:
    """One body's decoder. Of what it makes it keeps nothing but the coding's window, 32 KiB.

    Args:
        coding: One of :data:`CODINGS`.
        max_ratio: How many times their size what came may grow to, beyond the first 64 KiB.
    """

    __slots__ = ("_decoder", "_made_bytes", "_max_ratio", "_read_bytes")

    def __init__(self, coding: str, max_ratio: float) -> None:
        self._decoder = zlib.decompressobj(CODINGS[coding])
        self._max_ratio = max_ratio
        self._read_bytes = self._made_bytes = 0

    def add(self, data: bytes, room_bytes: float) -> bytes:
        """What ``data``, the next bytes of the body, stand for.

        Args:
            data: The bytes.
            room_bytes: The most that it may be; not a byte beyond that is decoded, but one to know that there is more.

        Raises:
            PayloadTooLarge: It is more, or grows more than allowed.
            BadRequest: It is not in the coding.
        """
        self._read_bytes += len(data)
        room_bytes = min(room_bytes, FREE_BYTES + self._max_ratio * self._read_bytes - self._made_bytes)
        try:
            made = self._decoder.decompress(data, int(room_bytes) + 1)
        except zlib.error:
            raise BadRequest("The body is not in its content coding") from None
        self._made_bytes += len(made)
        if len(made) > room_bytes:
            raise PayloadTooLarge("Request body exceeds the size limit once it is decoded")
        if self._decoder.unused_data:
            raise BadRequest("The body goes on after the end of its content coding")
        return made

    def end(self) -> None:
        """There is no more. Raises BadRequest when the coding is not at its end."""
        if not self._decoder.eof:
            raise BadRequest("The body ends within its content coding")
