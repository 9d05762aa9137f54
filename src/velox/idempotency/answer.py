"""An answer as it is stored."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["Answer", "decode", "encode", "is_kept"]

NOT_KEPT: Final = frozenset(
    {"connection", "content-length", "content-type", "date", "keep-alive", "server", "transfer-encoding"}
    | {"x-request-id"}
)
"""The connection's own fields, and what is told anew each time."""


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What a client gets once more: the handler's status, header fields and body."""

    status: int
    content_type: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Answer).decode


def is_kept(name: str) -> bool:
    """Whether the header field ``name`` belongs to the answer."""
    return name.lower() not in NOT_KEPT
