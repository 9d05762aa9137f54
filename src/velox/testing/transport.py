"""Requests to an app in the same process: httpx on one side, Sanic's ASGI entry on the other, no socket between.

Unlike ``httpx.ASGITransport`` it hands on each piece of a streamed answer as the handler sends it, so that an endless
stream of events can be read, and closing such an answer cancels the handler, as a client that goes away does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from velox.testing.answer import Answer

__all__ = ["InProcessTransport"]

Message = MutableMapping[str, Any]
ASGIApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

FAILURE = "velox.exception"
"""Where in the ASGI scope the app leaves what a handler raised unexpectedly."""
UNREAD_PIECES = 8
"""Pieces of a streamed answer that the handler may be ahead of the reader; then it waits, as on a full socket."""


class InProcessTransport(httpx.AsyncBaseTransport):
    """Sends the requests of an httpx client to an ASGI app.

    Args:
        app: The app; somebody else starts and stops it.
        peer: What the app sees as the client's address and port.
    """

    def __init__(self, app: ASGIApp, *, peer: tuple[str, int] = ("127.0.0.1", 123)) -> None:
        self._app = app
        self._peer = peer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        scope = self._scope(request)
        exchange = _Exchange(request)
        exchange.run(self._app, scope)
        answer = await exchange.answer()
        if FAILURE in scope:
            answer.extensions["exception"] = scope[FAILURE]
        return answer

    def _scope(self, request: httpx.Request) -> Message:
        url = request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (url.host, url.port),
            "client": self._peer,
        }


class _Exchange(httpx.AsyncByteStream):
    """One request and its answer; iterating reads the answer's body."""

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._head: Message | None = None
        self._pieces: asyncio.Queue[Message] = asyncio.Queue(UNREAD_PIECES)
        self._body = _request_body(request)
        self._body_is_read = False

    def run(self, app: ASGIApp, scope: Message) -> None:
        self._task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def answer(self) -> httpx.Response:
        """The answer as soon as its head is known.

        Sanic sends the head together with the first piece of the body, so waiting for that piece costs nothing and
        tells the length of an answer that is complete, which on a socket Sanic writes as well.
        """
        try:
            self._first = await self._next_piece()
        except BaseException:
            await self.aclose()
            raise
        if self._head is None:
            raise httpx.RemoteProtocolError("the app sent a body without a head", request=self._request)
        headers = httpx.Headers(self._head["headers"])
        if not self._first.get("more_body") and self._head["status"] not in {204, 304}:
            headers.setdefault("content-length", str(len(self._first["body"])))
        return Answer(self._head["status"], headers=headers, stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        piece = self._first
        while True:
            if piece["body"] and self._request.method != "HEAD":
                yield piece["body"]
            if not piece.get("more_body"):
                break
            piece = await self._next_piece()
        # What the app does after its answer (hooks, logging) belongs to this request: the next one should find it done.
        await self._task

    async def aclose(self) -> None:
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _next_piece(self) -> Message:
        if self._pieces.empty():
            arrival = asyncio.ensure_future(self._pieces.get())
            await asyncio.wait([arrival, self._task], return_when=asyncio.FIRST_COMPLETED)
            if arrival.done():
                return arrival.result()
            arrival.cancel()
        if self._pieces.empty():
            self._task.result()
            raise httpx.RemoteProtocolError("the app ended before its answer was complete", request=self._request)
        return self._pieces.get_nowait()

    async def _receive(self) -> Message:
        if self._body_is_read:
            await asyncio.Event().wait()  # ASGI: the next event is the client's leaving, which arrives as cancellation
        piece = await anext(self._body, None)
        self._body_is_read = piece is None
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
        else:
            await self._pieces.put(message)


async def _request_body(request: httpx.Request) -> AsyncIterator[bytes]:
    if not isinstance(request.stream, httpx.AsyncByteStream):
        raise TypeError("the body of an async request is bytes or an async iterator of bytes")
    async for piece in request.stream:
        yield piece
