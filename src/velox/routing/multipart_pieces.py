"""A multipart body's pieces, cut where its first and its last boundary are."""

from __future__ import annotations

from collections.abc import AsyncIterator

from velox.errors import BadRequest

__all__ = ["between_boundaries"]

LINE_END = b"\r\n"


async def between_boundaries(pieces: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[bytes]:
    """The body from its first boundary to its last one; beyond them only line ends may stand.

    RFC 2046, section 5.1.1, lets text stand there, for mail; no form has any (RFC 7578). The push parser's answer to
    it, and to the line end that every browser sends last, depends on where the network cut the body; ours does not.

    Args:
        pieces: The body as it arrives.
        boundary: The ``boundary`` of its content type.

    Raises:
        BadRequest: Something else stands there.
    """
    first, last = b"--" + boundary, b"\r\n--" + boundary + b"--"
    # The first boundary may be the last one too, and then needs no line end before it.
    begun, held, before, ended = False, b"", LINE_END, False
    async for arrived in pieces:
        piece = arrived
        if not begun:
            held += arrived
            if len(held) < len(first) + 2 * len(LINE_END):
                continue
            piece, begun = held, True
            if not piece.removeprefix(LINE_END).startswith(first):
                raise BadRequest("The multipart body does not begin with its boundary.")
        if not ended:
            found = (before + piece).find(last)
            if found < 0:
                before = (before + piece)[1 - len(last) :]
                yield piece
                continue
            ended = True
            end = found + len(last) - len(before)
            yield piece[:end]
            piece = piece[end:]
        if piece.strip(LINE_END):
            raise BadRequest("The multipart body goes on after its last boundary.")
    if held and not begun:
        yield held
