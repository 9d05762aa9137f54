"""A request's body as Sanic's code reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from sanic.exceptions import PayloadTooLarge, SanicException
from sanic.http.stream import Stream
from sanic.response import BaseHTTPResponse

from velox.http.inflating import Inflater

__all__ = ["IncomingBody", "Way"]

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

    def body_came(self) -> None: ...


class IncomingBody(Stream):
    """The incoming half of a stream.

    Attributes:
        request: The request; ``None`` between two.
        request_body: Whether there may be more of the body to read.
        request_max_size: The body's limit in bytes; infinite for a handler that reads the stream itself.
        expecting_continue: Whether the client waits to be told to send it.
        declared_bytes: How long it is at least, by what was said of it.
        received_bytes: What of it has come.
        decoded_bytes: How much that is once it is decoded.
        unread_bytes: What of that nobody has read.
        discarded_bytes: What came after the answer, and was dropped.
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_inflater",
        "_is_whole",
        "_reader",
        "declared_bytes",
        "decoded_bytes",
        "discarded_bytes",
        "expecting_continue",
        "protocol",
        "received_bytes",
        "request",
        "request_body",
        "unread_bytes",
    )

    def __init__(self, protocol: Way) -> None:
        self.protocol: Any = protocol
        self.request: Any = None
        self.request_body: Any = None
        self.request_max_size = 0
        self.expecting_continue = False
        self.declared_bytes = self.received_bytes = self.unread_bytes = self.discarded_bytes = 0
        self.decoded_bytes = 0
        self._inflater: Inflater | None = None
        self._is_whole = True
        self._chunks: list[bytes] = []
        self._error: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None

    def begin_body(
        self, limit: float, declared_bytes: int, *, expecting_continue: bool, inflater: Inflater | None = None
    ) -> None:
        """The request has a body, which will be fed; what is fed is compressed if there is an ``inflater``."""
        self.request_body = True
        self.request_max_size = limit
        self.declared_bytes = declared_bytes
        self.received_bytes = self.decoded_bytes = self.unread_bytes = self.discarded_bytes = 0
        self.expecting_continue = expecting_continue
        self._inflater = inflater
        self._is_whole = False
        self._error = None
        self._chunks.clear()

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
        if self._inflater is not None:
            data = self._decode(self._inflater, data)
            if not data:
                return
        self.decoded_bytes += len(data)
        self._chunks.append(data)
        self.unread_bytes += len(data)
        self._wake()

    def _decode(self, inflater: Inflater, data: bytes) -> bytes:
        """What ``data`` stands for; nothing once the body has failed."""
        if self._error is not None:
            return b""
        try:
            return inflater.add(data, self.request_max_size - self.decoded_bytes)
        except SanicException as error:
            self.protocol.keep_alive = False
            self.fail(error)
            return b""

    def declare(self, size: int) -> None:
        """The body will have at least ``size`` bytes."""
        self.declared_bytes = size
        if size > self.request_max_size:
            self._wake()

    def feed_end(self) -> None:
        """The whole body came."""
        self._is_whole = True
        if self._inflater is not None and self._error is None:
            try:
                self._inflater.end()
            except SanicException as error:
                self.fail(error)
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
        if max(self.declared_bytes, self.received_bytes, self.decoded_bytes) > self.request_max_size:
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
            self.protocol.body_came()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
