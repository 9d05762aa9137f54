"""Compressed bodies within their ratio."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable

import pytest
from sanic.exceptions import BadRequest, PayloadTooLarge

from velox.http.inflating import CODINGS, FREE_BYTES, Inflater

ROOM = float("inf")
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_body_is_the_same_however_it_is_cut(coding: str, step: int) -> None:
    text = os.urandom(3000) + b"hello " * 500
    sent = COMPRESS[coding](text)
    inflater = Inflater(coding, 10)
    made = b"".join(inflater.add(sent[at : at + step], ROOM) for at in range(0, len(sent), step))
    inflater.end()
    assert text == made


def test_a_small_body_may_have_any_ratio() -> None:
    assert FREE_BYTES == len(Inflater("gzip", 1).add(gzip.compress(bytes(FREE_BYTES)), ROOM))


def test_a_bomb_is_stopped_where_its_ratio_ends() -> None:
    """Not a byte more than that is made of it, but the one by which it is known."""
    sent = gzip.compress(bytes(50_000_000))
    inflater = Inflater("gzip", 10)
    with pytest.raises(PayloadTooLarge):
        inflater.add(sent, ROOM)
    assert FREE_BYTES + 10 * len(sent) + 1 == inflater._made_bytes


def test_a_body_is_stopped_where_its_room_ends() -> None:
    inflater = Inflater("deflate", 1000)
    with pytest.raises(PayloadTooLarge):
        inflater.add(zlib.compress(bytes(2000)), 1000)
    assert 1001 == inflater._made_bytes


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense, and quite some of it",
        gzip.compress(b"hello")[:-1],
        gzip.compress(b"hello") + b"x",
        gzip.compress(b"hello") + gzip.compress(b"again"),
        zlib.compress(b"hello"),
        gzip.compress(b"hello")[:-8] + bytes(8),
        b"",
    ],
    ids=["nonsense", "cut", "trailing", "two members", "another coding", "a wrong checksum", "nothing"],
)
def test_what_is_not_one_whole_body_is_a_400(sent: bytes) -> None:
    with pytest.raises(BadRequest):
        inflate(sent)


def inflate(sent: bytes) -> bytes:
    inflater = Inflater("gzip", 10)
    made = inflater.add(sent, ROOM)
    inflater.end()
    return made
