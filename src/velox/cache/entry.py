"""What is stored: bytes, and what has to be known of them."""

from __future__ import annotations

import msgspec

__all__ = ["Entry", "pack", "unpack"]


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value, and when and from what it was made.

    Attributes:
        payload: The value.
        made_s, fresh_s, until_s: When it was made, until when it is fresh and until when it may be used if nothing
            better can be had; seconds since the epoch, since machines compare them.
        cost_s: How long it took to make.
        fence: The generation of each tag before it was made; see :mod:`velox.cache.redis`.
    """

    payload: bytes
    made_s: float
    fresh_s: float
    until_s: float
    cost_s: float = 0.0
    fence: dict[str, bytes] = {}


pack = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Entry)


def unpack(data: bytes) -> Entry | None:
    """The entry in ``data``; ``None`` for what another version has written."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError:
        return None
