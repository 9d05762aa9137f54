"""The in-process transport, against bare ASGI apps: what the app sends is what the client gets, as it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx
import pytest

from velox.testing.transport import UNREAD_PIECES, ASGIApp, InProcessTransport

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HEAD: Message = {"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"yes")]}


def piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://testserver", timeout=None)


async def test_a_complete_answer_arrives_with_its_length() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(piece(b"hello"))

    async with client(app) as http:
        answer = await http.get("/")
    assert (
        answer.status_code,
        answer.content,
        answer.headers["x-app"],
        answer.headers["content-length"],
    ) == (200, b"hello", "yes", "5")


async def test_the_scope_says_what_the_request_says() -> None:
    scopes: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await send(HEAD)
        await send(piece(b""))

    async with client(app) as http:
        await http.put("/a%2Fb/ü", params={"q": "1 2"}, headers={"X-Token": "t"})
    scope = scopes[0]
    assert scope["method"] == "PUT"
    assert scope["raw_path"] == b"/a%2Fb/%C3%BC"
    assert scope["query_string"] == b"q=1+2"
    assert (b"x-token", b"t") in scope["headers"]
    assert (b"host", b"testserver") in scope["headers"]


async def test_a_streamed_request_body_arrives_piece_by_piece() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    received: list[bytes] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (message := await receive())["more_body"]:
            received.append(message["body"])
        await send(HEAD)
        await send(piece(b""))

    async with client(app) as http:
        await http.post("/", content=body())
    assert received == [b"one", b"two"]


async def test_a_streamed_answer_can_be_read_while_the_handler_is_still_sending() -> None:
    go_on = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(piece(b"first", more=True))
        await go_on.wait()
        await send(piece(b"second"))

    async with client(app) as http, http.stream("GET", "/") as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"first"
        go_on.set()
        assert await anext(pieces) == b"second"


async def test_leaving_a_stream_cancels_the_handler_as_a_closed_connection_does() -> None:
    ended: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        try:
            while True:
                await send(piece(b"tick", more=True))
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async with client(app) as http, http.stream("GET", "/") as answer:
        await anext(answer.aiter_raw())
    assert ended == ["cancelled"]


async def test_a_handler_cannot_run_away_from_its_reader() -> None:
    """An endless stream holds a bounded number of unread pieces, as on a socket whose buffer is full."""
    sent = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(HEAD)
        while True:
            await send(piece(b"x", more=True))
            sent += 1

    async with client(app) as http, http.stream("GET", "/"):
        for _ in range(10 * UNREAD_PIECES):
            await asyncio.sleep(0)
    assert sent <= UNREAD_PIECES + 2


async def test_an_app_that_ends_without_an_answer_is_a_protocol_error() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        return

    async with client(app) as http:
        with pytest.raises(httpx.RemoteProtocolError, match="before its answer was complete"):
            await http.get("/")


async def test_an_answer_that_breaks_off_is_a_protocol_error() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(piece(b"half", more=True))

    async with client(app) as http:
        with pytest.raises(httpx.RemoteProtocolError, match="before its answer was complete"):
            await http.get("/")


async def test_a_body_without_a_head_is_a_protocol_error() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(piece(b"headless"))

    async with client(app) as http:
        with pytest.raises(httpx.RemoteProtocolError, match="without a head"):
            await http.get("/")


async def test_what_escapes_the_app_reaches_the_test() -> None:
    """Sanic answers a handler's exceptions; one that gets past it is a bug to be seen."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise LookupError("past the error handler")

    async with client(app) as http:
        with pytest.raises(LookupError, match="past the error handler"):
            await http.get("/")


async def test_an_answer_to_head_has_the_length_but_not_the_body() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(piece(b"hello"))

    async with client(app) as http:
        answer = await http.head("/")
    assert (answer.content, answer.headers["content-length"]) == (b"", "5")


async def test_a_204_has_no_length() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send(piece(b""))

    async with client(app) as http:
        answer = await http.delete("/")
    assert "content-length" not in answer.headers


async def test_work_after_the_answer_is_done_before_the_next_request() -> None:
    done: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await send(piece(b"ok"))
        await asyncio.sleep(0)
        done.append("after")

    async with client(app) as http:
        await http.get("/")
    assert done == ["after"]


async def test_a_sync_only_body_is_refused() -> None:
    """httpx marks streams as sync or async; mixing them would block the loop."""

    class SyncBody(httpx.SyncByteStream):
        pass

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()

    request = httpx.Request("POST", "http://testserver/", stream=SyncBody())
    with pytest.raises(TypeError, match="async iterator of bytes"):
        await InProcessTransport(app).handle_async_request(request)
