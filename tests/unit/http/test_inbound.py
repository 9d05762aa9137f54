"""``Inbound``: bytes to heads and bodies, without any I/O."""

from __future__ import annotations

import pytest

from velox.http.budgets import Budgets
from velox.http.inbound import Head, Inbound
from velox.http.refusal import Refusal

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


class Reader:
    """An :class:`Inbound` that is fed in pieces, and what it has found."""

    def __init__(self, budgets: Budgets | None = None) -> None:
        self.body: list[bytes] = []
        self.heads: list[Head] = []
        self.inbound = Inbound(budgets or Budgets(), self.body.append)

    def feed(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.inbound.buffer += piece
            while True:
                if not self.inbound.body_done:
                    self.inbound.read_body()
                if not self.inbound.body_done or not self.inbound.buffer:
                    break
                head = self.inbound.read_head()
                if head is None:
                    break
                self.heads.append(head)


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 5\r\n\r\nhello",
        POST + b"Transfer-Encoding: Chunked\r\n\r\n1\r\nh\r\n04;x=y\r\nello\r\n000\r\nTrailer: dropped\r\n\r\n",
        POST + b"Upgrade: other\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\nhello",
        POST + b"Upgrade: other\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_bodies_end_where_their_framing_says(request_bytes: bytes) -> None:
    """Whatever the cut, the three requests are three, and the body is hello in each."""
    stream = request_bytes * 3
    for size in (1, 2, 3, 7, len(request_bytes), len(stream)):
        reader = Reader()
        reader.feed(*(stream[at : at + size] for at in range(0, len(stream), size)))
        assert 3 == len(reader.heads)
        assert b"hellohellohello" == b"".join(reader.body)


def test_an_absolute_targets_host_counts() -> None:
    """Instead of the field's (RFC 9112, section 3.2.2), and only for that request."""
    reader = Reader()
    fields = b" HTTP/1.1\r\nHost: field\r\nX: y\r\n\r\n"
    reader.feed(b"GET http://target:80/a?b" + fields + b"GET /a" + fields + b"GET https://other" + fields)
    assert [b"/a?b", b"/a", b"/"] == [head.target for head in reader.heads]
    assert ["target:80", "field", "other"] == [dict(head.fields.items)["host"] for head in reader.heads]


def test_equal_heads_are_read_once() -> None:
    """And equal fields of different requests, too."""
    reader = Reader()
    first, second = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
    reader.feed(first, first, second)
    assert reader.heads[0] is reader.heads[1]
    assert reader.heads[0].fields is reader.heads[2].fields
    assert b"/2" == reader.heads[2].target


def test_the_same_fields_are_judged_anew_in_another_version() -> None:
    """HTTP/1.0 has no chunks."""
    reader = Reader()
    chunked = b"POST / HTTP/1.%d\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    reader.feed(chunked % 1)
    with pytest.raises(Refusal) as caught:
        reader.feed(chunked % 0)
    assert 400 == caught.value.status


@pytest.mark.parametrize(
    ("fields", "stays"),
    [
        (b" HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b" HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", False),
        (b" HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", False),
        (b" HTTP/1.0\r\n\r\n", False),
        (b" HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b" HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", False),
    ],
)
def test_who_wants_to_stay(fields: bytes, stays: bool) -> None:
    """RFC 9112, section 9.3."""
    reader = Reader()
    reader.feed(b"GET /" + fields)
    assert stays is reader.heads[0].stays


def test_a_body_of_tiny_chunks_is_refused() -> None:
    """Framing may cost 8 KiB more than the data: 1,638 chunks of one byte."""
    reader = Reader()
    reader.feed(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(Refusal, match="more framing than data"):
        reader.feed(b"1\r\na\r\n" * 10_000)
    assert len(reader.body) < 10_000


@pytest.mark.parametrize("size", ["", "0x5", " 5", "5 ", "+5", "-5", "5_0", "g", "1" * 17])
def test_a_chunks_size_is_hexadecimal_digits(size: str) -> None:
    """And nothing else (RFC 9112, section 7.1)."""
    reader = Reader()
    with pytest.raises(Refusal):
        reader.feed(POST + b"Transfer-Encoding: chunked\r\n\r\n" + size.encode() + b"\r\nhello\r\n0\r\n\r\n")
    assert [] == reader.body


def test_limits_are_exact() -> None:
    """A head of head_bytes is read, one byte more is not."""
    fixed = len(b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n")
    for extra, fits in ((200 - fixed, True), (201 - fixed, False)):
        reader = Reader(Budgets(head_bytes=200))
        request = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * extra + b"\r\n\r\n"
        if fits:
            reader.feed(request)
            assert 1 == len(reader.heads)
        else:
            with pytest.raises(Refusal) as caught:
                reader.feed(request)
            assert 431 == caught.value.status
