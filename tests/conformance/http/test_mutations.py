"""Valid requests with some bytes changed: whatever they become, the server stays a server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.http.exchange import exchange
from tests.conformance.http.server import Server
from tests.conformance.http.wire import Way

EXAMPLES = 800
GROWTH_MAX_BYTES = 20 * 2**20
NOT_SERVED = {501, 505}  # these say that the request was not understood, not that the server failed
NUMBERS = count()
HOST = b"Host: example.com\r\n"
SEEDS = (
    b"GET /a?b=c HTTP/1.1\r\n" + HOST + b"Accept: */*\r\nCookie: a=b\r\n\r\n",
    b"GET http://example.com:80/a HTTP/1.1\r\n" + HOST + b"\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST /a HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /a HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
    b"GET /a HTTP/1.1\r\n" + HOST + b"Connection: keep-alive, x\r\nX-Value: a,\tb \r\nx-value: \xc3\xa9\r\n\r\n",
    b"GET /chat HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x85\0\0\0\0hello",
    b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\nAuthorization: Basic YTpi\r\nRange: bytes=0-1\r\n\r\n",
    b"DELETE /a%20b/../c HTTP/1.1\r\n" + HOST + b"X-Forwarded-For: 10.0.0.1\r\nForwarded: for=a;by=b\r\n\r\n",
)
# What parsers trip over, more often than a random byte would be it.
BYTES = st.sampled_from(b"\r\n\0 \t:;,/%?#0123456789abcdefx\x7f\x80\xff") | st.integers(0, 255)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A seed with one to four changes: a byte flipped, deleted, inserted, or a stretch of bytes doubled."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["flip", "delete", "insert", "double"])):
            case "flip":
                data[place] = draw(BYTES)
            case "delete":
                del data[place : place + draw(st.integers(1, 4))]
            case "insert":
                data.insert(place, draw(BYTES))
            case _:
                stretch = data[place : place + draw(st.integers(1, 30))]
                data[place:place] = stretch
        data = data or bytearray(b"\r")
    return bytes(data)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def memory_bytes(server: Server, runner: asyncio.Runner) -> int:
    """What the server has in memory once every seed has been served often enough."""
    for seed in SEEDS * 30:
        runner.run(exchange(server.port, seed))
    return server.resident_bytes


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=mutated(), way=st.sampled_from([Way.WHOLE, Way.SPLIT]))
def test_no_change_of_bytes_makes_the_server_fail(
    server: Server, runner: asyncio.Runner, memory_bytes: int, data: bytes, way: Way
) -> None:
    """Never a 5xx, a malformed answer, an answer out of order, a silence or a crash; and memory stays flat."""
    number = next(NUMBERS)
    first = f"GET /first/{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    last = f"GET /last/{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()

    answers = runner.run(exchange(server.port, first + data + last, way))

    paths = [(answer.json() or {}).get("path", "") for answer in answers]
    assert paths[0] == f"/first/{number}"
    assert f"/first/{number}" not in paths[1:]
    assert f"/last/{number}" not in paths[:-1]
    assert [answer.status for answer in answers if answer.status >= 500 and answer.status not in NOT_SERVED] == []
    assert server.is_running
    assert server.resident_bytes - memory_bytes < GROWTH_MAX_BYTES
