"""What Sanic's code holds as ``request.stream``: the body coming in, the answer going out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sanic.exceptions import ServerError
from sanic.http.constants import Stage
from sanic.log import logger
from sanic.response import BaseHTTPResponse

from velox.http.body import IncomingBody, Way
from velox.http.inbound import Head
from velox.http.response import CHUNKED, field, has_body, is_status

__all__ = ["WireStream"]


class WireStream(IncomingBody):
    """One connection's two directions; begun anew with each request.

    Attributes:
        stage: Where the request is; ``IDLE`` also when it has been answered.
        response: The response that is being sent.
        head: The request's head.
    """

    __slots__ = ("_left", "_write", "head", "response", "stage", "url")

    def __init__(self, protocol: Way) -> None:
        super().__init__(protocol)
        self.stage = Stage.IDLE
        self.response = None
        self.head: Any = None
        self.url = None
        self._write: Any = None
        self._left = 0

    def begin(self, request: Any, head: Head) -> None:
        """A new request, without a body so far."""
        self.request = request
        self.head = head
        self.stage = Stage.HANDLER

    def end(self) -> None:
        """The request is over: its response and the request itself have no connection any more."""
        if self.response is not None:
            self.response.stream = None
            self.response = None
        if self.request is not None:
            self.request.stream = None
            self.request = None
        self.request_body = self._write = None

    @property
    def head_only(self) -> bool:
        """Whether the method is HEAD."""
        return bool(self.head.method == "HEAD")

    @property
    def upgrade_websocket(self) -> bool:
        """Whether the client asks for a WebSocket."""
        return bool(self.head.fields.websocket)

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
        return self._write or (self._first if self.stage is Stage.HANDLER else None)

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
