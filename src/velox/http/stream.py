"""What Sanic's code holds as ``request.stream``: the body coming in, the answer going out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from sanic.exceptions import PayloadTooLarge, ServerError
from sanic.http.constants import Stage
from sanic.http.stream import Stream
from sanic.log import logger
from sanic.response import BaseHTTPResponse

from velox.http.inbound import Head
from velox.http.response import CHUNKED, field, has_body, is_status

__all__ = ["WireStream"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Way(Protocol):
    """What of a connection a stream needs."""

    app: Any
    service: Any
    keep_alive: bool

    async def send(self, data: bytes) -> None: ...

    def whole(self, response: BaseHTTPResponse, body: bytes) -> bytes: ...

    def opening(self, response: BaseHTTPResponse, framing: bytes) -> bytes: ...

    def resume_body(self) -> None: ...


class WireStream(Stream):
    """One connection's two directions; begun anew with each request.

    Attributes:
        stage: Where the request is; ``IDLE`` also when it has been answered.
        request: The request; ``None`` between two.
        response: The response that is being sent.
        request_body: Whether there may be more of the body to read.
        request_max_size: The body's limit in bytes; infinite for a handler that reads the stream itself.
        declared_bytes: How long the body is at least, by what was said of it.
        received_bytes: What of the body has come.
        unread_bytes: What of that nobody has read.
        discarded_bytes: What came after the answer, and was dropped.
        head_only: The method is HEAD.
        upgrade_websocket: The client asks for a WebSocket.
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_is_whole",
        "_left",
        "_reader",
        "_write",
        "declared_bytes",
        "discarded_bytes",
        "expecting_continue",
        "head_only",
        "protocol",
        "received_bytes",
        "request",
        "request_body",
        "response",
        "stage",
        "unread_bytes",
        "upgrade_websocket",
        "url",
    )

    def __init__(self, protocol: Way) -> None:
        self.protocol: Any = protocol
        self.stage = Stage.IDLE
        self.request: Any = None
        self.response = None
        self.request_body: Any = None
        self.request_max_size = 0
        self.expecting_continue = self.head_only = self.upgrade_websocket = False
        self.declared_bytes = self.received_bytes = self.unread_bytes = self.discarded_bytes = 0
        self._is_whole = True
        self.url = None
        self._chunks: list[bytes] = []
        self._error: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None
        self._write: Any = None
        self._left = 0

    def begin(self, request: Any, head: Head) -> None:
        """A new request, without a body so far."""
        self.request = request
        self.stage = Stage.HANDLER
        self.response = None
        self.request_body = None
        self.head_only = head.method == "HEAD"
        self.upgrade_websocket = head.fields.websocket
        self._write = self._first

    def begin_body(self, limit: float, declared_bytes: int, *, expecting_continue: bool) -> None:
        """The request has a body, which will be fed."""
        self.request_body = True
        self.request_max_size = limit
        self.declared_bytes = declared_bytes
        self.received_bytes = self.unread_bytes = self.discarded_bytes = 0
        self.expecting_continue = expecting_continue
        self._is_whole = False
        self._error = None
        self._chunks.clear()

    def end(self) -> None:
        """The request is over: its response and the request itself have no connection any more."""
        if self.response is not None:
            self.response.stream = None
            self.response = None
        if self.request is not None:
            self.request.stream = None
            self.request = None
        self._write = None

    # The body

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for more of the body."""
        return self._reader is not None and not self._reader.done()

    def feed(self, data: bytes) -> None:
        """More of the body came."""
        self.received_bytes += len(data)
        if self.request is None:
            self.discarded_bytes += len(data)
            return
        self._chunks.append(data)
        self.unread_bytes += len(data)
        self._wake()

    def declare(self, size: int) -> None:
        """The body will have at least ``size`` bytes."""
        self.declared_bytes = size
        if size > self.request_max_size:
            self._wake()

    def feed_end(self) -> None:
        """The whole body came."""
        self._is_whole = True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """The rest of the body will not come, or is not wanted."""
        self._chunks.clear()
        self._error = error
        self._wake()

    def take_whole(self) -> bytes | None:
        """The body, if all of it is here."""
        if not self._is_whole or self._error is not None or self.received_bytes > self.request_max_size:
            return None
        self.request_body = None
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        return body

    async def read(self) -> bytes | None:
        """The next piece of the body; ``None`` at its end.

        Raises:
            PayloadTooLarge: There is more than ``request_max_size``.
            BadRequest: Its framing is malformed.
            RequestCancelled: The connection was lost.
        """
        if not self.request_body:
            return None
        self._check_size()
        while not self._chunks:
            if self._error is not None:
                self.request_body = None
                raise self._error
            if self._is_whole:
                self.request_body = None
                return None
            if self.expecting_continue:
                self.expecting_continue = False
                await self.protocol.send(CONTINUE)
                continue
            await self._more()
            self._check_size()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self.unread_bytes = 0
        if self.protocol.service.wants("http.lifecycle.read_body"):
            await self.protocol.app.dispatch("http.lifecycle.read_body", inline=True, context={"body": data})
        return data

    def _check_size(self) -> None:
        if max(self.declared_bytes, self.received_bytes) > self.request_max_size:
            self.request_body = None
            self._chunks.clear()
            self.protocol.keep_alive = False
            raise PayloadTooLarge("Request body exceeds the size limit")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.request_body:
            data = await self.read()
            if data:
                yield data

    async def _more(self) -> None:
        reader = self._reader = asyncio.get_running_loop().create_future()
        self.protocol.resume_body()
        try:
            await reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # The answer

    def respond(self, response: BaseHTTPResponse) -> BaseHTTPResponse:
        """Make ``response`` the one to send; nothing is sent before its first ``send()``."""
        if self.stage is not Stage.HANDLER:
            self.stage = Stage.FAILED
            raise RuntimeError("Response already started")
        if self.response is not None:
            self.response.stream = None
        self.response, response.stream = response, self  # type: ignore[assignment]
        return response

    @property
    def send(self) -> Any:
        """``async (data, end_stream) -> None``; ``None`` once the answer is complete."""
        return self._write

    async def _first(self, data: bytes, *, end_stream: bool) -> None:
        response, protocol = self.response, self.protocol
        assert response is not None
        if not data and response.body:
            data, end_stream = response.body, True
        status = response.status
        if not is_status(status):
            raise RuntimeError(f"Invalid response status {status!r}")
        if not end_stream and has_body(status):
            await protocol.send(self._opening(response, data))
            self.stage = Stage.RESPONSE
            return
        if data and not has_body(status):
            logger.warning("A %d response has no body; the one that was set is not sent.", status)
        whole = protocol.whole(response, data)
        await protocol.send(whole)
        self._end()

    def _opening(self, response: BaseHTTPResponse, data: bytes) -> bytes:
        """The head, and the first piece with it; how the next ones are sent."""
        length = response.headers.get("content-length")
        frame: Callable[[bytes], bytes]
        if length is not None:
            self._left = int(length)
            framing, write, frame = field("Content-Length", str(self._left)), self._sized, self._counted
        elif self.request.version == "1.0":
            # RFC 9112, section 6.1: no chunks for HTTP/1.0; the connection's end is the body's.
            self.protocol.keep_alive = False
            framing, write, frame = b"", self._until_close, same
        else:
            framing, write, frame = CHUNKED, self._chunked, chunk
        head: bytes = self.protocol.opening(response, framing)
        if self.head_only:
            self._write = self._ignored
            return head
        self._write = write
        return head + frame(data)

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise ServerError("Response was bigger than content-length")
        return data

    async def _chunked(self, data: bytes, *, end_stream: bool) -> None:
        framed = chunk(data) + (b"0\r\n\r\n" if end_stream else b"")
        if framed:
            await self.protocol.send(framed)
        if end_stream:
            self._end()

    async def _sized(self, data: bytes, *, end_stream: bool) -> None:
        counted = self._counted(data)
        if self._left and end_stream:
            raise ServerError("Response was smaller than content-length")
        if counted:
            await self.protocol.send(counted)
        if not self._left:
            self._end()

    async def _until_close(self, data: bytes, *, end_stream: bool) -> None:
        if data:
            await self.protocol.send(data)
        if end_stream:
            self._end()

    async def _ignored(self, data: bytes, *, end_stream: bool) -> None:
        if end_stream:
            self._end()

    def _end(self) -> None:
        self._write = None
        self.stage = Stage.IDLE


def same(data: bytes) -> bytes:
    return data


def chunk(data: bytes) -> bytes:
    """``data`` in chunked coding; nothing for nothing, which would be the last chunk (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
