"""What needs a pause: a client that waits for an answer before it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conformance.http.answer import Answer, read_answer
from tests.conformance.http.server import Server
from tests.conformance.http.wire import Wire, connect

TIMEOUT_S = 20.0
EXPECTING = b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    async with connect(server.port) as connection:
        yield connection


async def next_answer(wire: Wire) -> Answer | None:
    async with asyncio.timeout(TIMEOUT_S):
        return await read_answer(wire.stream, "GET")


async def test_a_client_that_waits_for_100_gets_it_before_the_body(wire: Wire) -> None:
    """RFC 9110, section 10.1.1."""
    await wire.send(EXPECTING + b"\r\n")
    async with asyncio.timeout(TIMEOUT_S):
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == await wire.stream.readuntil(b"\r\n\r\n")
    await wire.send(b"hello")
    answer = await next_answer(wire)
    assert answer is not None
    assert (200, "hello") == (answer.status, answer.json()["body"])


@pytest.mark.parametrize(
    ("fields", "status"),
    [(b"Transfer-Encoding: chunked\r\n", 400), (b"Host: b\r\n", 400), (b"X: \0\r\n", 400), (b"X : a\r\n", 400)],
)
async def test_a_client_that_waits_and_is_refused_gets_only_that(wire: Wire, fields: bytes, status: int) -> None:
    """The final answer comes at once, without a 100 before it, and the connection is closed."""
    await wire.send(EXPECTING + fields + b"\r\n")
    answer = await next_answer(wire)
    assert answer is not None
    assert (status, ()) == (answer.status, answer.interim)
    assert await next_answer(wire) is None


async def test_fifty_requests_use_one_connection(wire: Wire) -> None:
    """Each is sent when the one before is answered, with bodies of all framings in between."""
    for number in range(50):
        path = f"/{number}".encode()
        await wire.send(
            b"POST "
            + path
            + b" HTTP/1.1\r\nHost: a\r\n"
            + (
                b"Content-Length: 3\r\n\r\nabc"
                if number % 2
                else b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            )
        )
        answer = await next_answer(wire)
        assert answer is not None
        assert (f"/{number}", "abc") == (answer.json()["path"], answer.json()["body"])


async def test_a_refusal_comes_before_the_rest_of_the_head(wire: Wire) -> None:
    """What cannot become a request any more is refused then, not when it is complete."""
    await wire.send(b"GET / HTTP/1.1\r\nHost : a\r\n")
    answer = await next_answer(wire)
    assert answer is not None
    assert (400, True) == (answer.status, answer.is_problem)
    assert await next_answer(wire) is None


async def test_200_pipelined_answers_wait_for_a_client_that_reads_late(wire: Wire) -> None:
    """All come, in order."""
    requests = [f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for number in range(200)]
    await wire.send(b"".join(requests))
    answers = [await next_answer(wire) for _ in requests]
    assert [f"/{number}" for number in range(200)] == [answer.json()["path"] for answer in answers if answer]
