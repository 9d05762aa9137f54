"""What is no request, or too much of one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sanic import HTTPResponse, Request, Sanic
from sanic.response import text

from tests.integration.http.wire.serving import new_app, serving
from velox.http import Budgets

HOST = b"Host: a\r\n"
CHUNKED = b"POST /count HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"

MALFORMED = {
    "space before the colon": b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
    "tab before the colon": b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length\t: 5\r\n\r\nhello",
    "0x in a chunk size": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "spaces around a chunk size": CHUNKED + b" 5 \r\nhello\r\n0\r\n\r\n",
    "an Arabic digit as a chunk size": CHUNKED + "\u0665\r\nhello\r\n0\r\n\r\n".encode(),
    "an Arabic digit as a length": "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: \u0665\r\n\r\nhello".encode(),
    "a chunk that does not end": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
    "a bare LF in a value": b"POST /count HTTP/1.1\r\nHost: a\r\nX: a\nContent-Length: 5\r\n\r\nhello",
    "a bare CR in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "a vertical tab before the coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "an empty name": b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b: c\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a malformed Host": b"GET / HTTP/1.1\r\nHost: a b/..@\r\n\r\n",
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"5\r\nhello\r\n0\r\n\r\n",
    "LF line ends": b"GET / HTTP/1.1\nHost: a\n\n",
    "LF chunk lines": CHUNKED + b"5\nhello\n0\n\n",
    "a relative target": b"GET foo HTTP/1.1\r\nHost: a\r\n\r\n",
    "a malformed absolute target": b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a control byte in the target": b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an authority as the target": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a star that asks for something": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "length and chunks": CHUNKED.replace(b"Host: a", b"Host: a\r\nContent-Length: 5") + b"0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "another coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a long chunk extension": CHUNKED + b"5;" + b"a" * 10_000 + b"\r\nhello\r\n0\r\n\r\n",
    "a length among the trailers": CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
}


@pytest.fixture
def seen() -> list[str]:
    """The paths that came to a handler."""
    return []


@pytest.fixture
def app(seen: list[str]) -> Sanic[Any, Any]:
    app = new_app()

    @app.post("/count")
    async def count(request: Request) -> HTTPResponse:
        return text(str(len(request.body)))

    @app.get("/<path:path>")
    async def note(request: Request, path: str) -> HTTPResponse:
        seen.append(path)
        return text("seen")

    return app


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_requests_are_a_400_and_the_end(name: str, app: Sanic[Any, Any], seen: list[str]) -> None:
    """A problem document, a closed connection, and what follows is never read as a request."""
    async with serving(app) as served:
        answer = await served.ask(MALFORMED[name] + NEXT)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nConnection: close" in head
    assert 400 == json.loads(body)["status"]
    assert "second" not in seen


@pytest.mark.parametrize("name", MALFORMED)
async def test_the_bytes_place_in_packets_does_not_matter(name: str, app: Sanic[Any, Any], seen: list[str]) -> None:
    """Byte by byte it is the same 400."""
    request = MALFORMED[name]
    async with serving(app) as served, served.connect() as client:
        await client.send(*(request[at : at + 1] for at in range(min(len(request), 200))), request[200:])
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"HTTP/1.1" not in answer[9:]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000, 431),
        (b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: tea\r\n\r\nhello", 417),
        (b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello", 415),
        (b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (CHUNKED + b"ffffffffff\r\n", 413),
    ],
)
async def test_what_is_too_much_has_a_status_of_its_own(
    request_bytes: bytes, status: int, app: Sanic[Any, Any]
) -> None:
    """And closes the connection."""
    async with serving(app) as served:
        answer = await served.ask(request_bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close\r\n" in answer


async def test_a_body_is_not_kept_past_its_limit(app: Sanic[Any, Any]) -> None:
    """A client that sends 50 MiB to a limit of 64 KiB reads its 413; the server has read next to nothing of it."""
    async with serving(app, Budgets(body_bytes=65_536)) as served, served.connect() as client:
        await client.send(b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 52428800\r\n\r\n")
        status, fields, _ = await client.answer()
        (connection,) = served.connections
        client.writer.write(b"a" * 1_000_000)
        assert (413, "close") == (status, fields["connection"])
        assert 0 == connection.stream.unread_bytes == len(connection.inbound.buffer)


async def test_a_dripping_head_is_closed_by_the_deadline(app: Sanic[Any, Any]) -> None:
    """A byte now and then is no progress: the deadline counts from the connection."""
    loop = asyncio.get_running_loop()
    async with serving(app, Budgets(head_s=0.3)) as served, served.connect() as client:
        began_s = loop.time()

        async def drip() -> None:
            for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 4000:
                await client.send(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        answer = await client.rest()
        dripping.cancel()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert loop.time() - began_s < 2.0


async def test_a_body_that_comes_too_slowly_is_a_408(app: Sanic[Any, Any]) -> None:
    """Below the rate over the window."""
    async with serving(app, Budgets(body_rate=1000, body_window_s=0.2)) as served, served.connect() as client:
        await client.send(b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"a", b"a")
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", [b"/count", b"/nowhere"], ids=["that is read", "that nobody reads"])
async def test_a_dripping_body_is_closed_by_its_deadline(app: Sanic[Any, Any], path: bytes) -> None:
    """However often a byte comes: what counts is how many come in the time that they are waited for."""
    budgets = Budgets(body_rate=1000, body_window_s=0.3, head_s=0.3)
    async with serving(app, budgets) as served, served.connect() as client:
        await client.send(b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")

        async def drip() -> None:
            while True:
                await client.send(b"a")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        try:
            answer = await client.rest()
        finally:
            dripping.cancel()
    assert answer.startswith(b"HTTP/1.1 408 " if path == b"/count" else b"HTTP/1.1 405 ")


async def test_an_idle_connection_is_closed_without_a_word(app: Sanic[Any, Any]) -> None:
    """After keep_alive_s between two requests, and after head_s before the first."""
    async with serving(app, Budgets(keep_alive_s=0.2, head_s=0.2)) as served:
        async with served.connect() as client:
            assert b"" == await client.rest()
        async with served.connect() as client:
            await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            assert 200 == (await client.answer())[0]
            assert b"" == await client.rest()


async def test_a_handler_that_takes_too_long_is_a_503(app: Sanic[Any, Any]) -> None:
    """It is cancelled."""
    slow = new_app()
    cancelled = asyncio.Event()

    @slow.get("/")
    async def wait(request: Request) -> HTTPResponse:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()
        return text("never")

    async with serving(slow, Budgets(response_s=0.2)) as served:
        answer = await served.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert cancelled.is_set()


async def test_one_connection_more_than_there_is_room_for_is_a_503(app: Sanic[Any, Any]) -> None:
    """And those that are there go on."""
    async with serving(app, Budgets(connections=1)) as served, served.connect() as first:
        await first.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        assert 200 == (await first.answer())[0]
        assert (await served.ask(b"")).startswith(b"HTTP/1.1 503 ")
        await first.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        assert 200 == (await first.answer())[0]
