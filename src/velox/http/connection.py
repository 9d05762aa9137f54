"""A connection's outgoing side: answers to bytes, bytes to the client, and how it ends."""

from __future__ import annotations

from typing import Any, ClassVar

from sanic import Sanic
from sanic.exceptions import RequestCancelled, SanicException
from sanic.http.constants import HTTP
from sanic.response import BaseHTTPResponse
from sanic.server.protocols.base_protocol import SanicProtocol

from velox.http.budgets import Budgets
from velox.http.inbound import Inbound
from velox.http.refusal import Refusal, refusal_body
from velox.http.response import CLOSE, KEEP_ALIVE, start
from velox.http.service import service_of
from velox.http.stream import WireStream
from velox.http.websocket import WebSocket

__all__ = ["Connection"]

PROBLEM_JSON = "application/problem+json"


class Connection(SanicProtocol):
    """What a connection has, and what it sends.

    Attributes:
        service: What it shares with the worker's other connections.
        inbound: Its incoming side.
        stream: The request in hand, as Sanic's code sees it.
        websocket: What it has become; ``None`` for HTTP.
        keep_alive: Whether it stays after the answer; once false, it is never true again.
        timed_out: The answer to a handler that took too long.
        usual: The fields that every answer has beside its own; ``None`` when they differ from answer to answer.
    """

    app: Any
    transport: Any
    budgets: ClassVar[Budgets] = Budgets()
    server_header: ClassVar[str] = "velox"
    version: ClassVar[HTTP] = HTTP.VERSION_1
    names_requests: ClassVar[bool] = False
    """Whether every answer has ``X-Request-ID``."""

    __slots__ = (
        "has_eof",
        "inbound",
        "is_broken",
        "is_lingering",
        "is_paused",
        "keep_alive",
        "service",
        "since_s",
        "stream",
        "timed_out",
        "usual",
        "websocket",
        "websocket_options",
    )

    def __init__(self, *, loop: Any, app: Any, state: Any = None, **named: Any) -> None:
        options = {name: named.pop(name) for name in tuple(named) if name.startswith("websocket_")}
        super().__init__(loop=loop, app=app, **named)
        served: Sanic[Any, Any] = app
        self.service = service_of(served, loop, self.connections, self.budgets, self.server_header)
        self.stream = WireStream(self)
        self.inbound = Inbound(self.budgets, self.stream.feed, self.service.seen)
        self.websocket: WebSocket | None = None
        self.websocket_options = options
        self.keep_alive = bool(served.config.KEEP_ALIVE)
        self.timed_out: SanicException | None = None
        self.is_broken = self.is_lingering = self.is_paused = self.has_eof = False
        self.since_s = 0.0
        self.usual: bytes | None = b""

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport is None or self.transport.is_closing()

    # Answers to bytes

    def whole(self, response: BaseHTTPResponse, body: bytes) -> bytes:
        """An answer in one piece."""
        connection, head_only = self._connection(response), self.stream.head_only
        return self.service.heads.whole(response, body, connection=connection, head_only=head_only)

    def opening(self, response: BaseHTTPResponse, framing: bytes) -> bytes:
        """The head of an answer that is sent piece by piece."""
        return self.service.heads.opening(response, connection=self._connection(response), framing=framing)

    def _connection(self, response: BaseHTTPResponse) -> bytes:
        """The fields that are not the response's own: here ``Connection``. Whether the connection stays is decided
        now, once an answer.
        """
        if self.keep_alive and not self.signal.stopped and self._is_worth_reading():
            return b"" if self.stream.head.version == "1.1" else KEEP_ALIVE
        self.keep_alive = False
        return CLOSE

    def _is_worth_reading(self) -> bool:
        """Whether what is left of a body that nobody read may be read to get to the next request.

        Not when the client was never told to send it: nobody knows whether it will (RFC 9110, section 10.1.1).
        """
        inbound = self.inbound
        return inbound.body_done or not (self.stream.expecting_continue or inbound.left > self.budgets.discard_bytes)

    # Bytes to the client

    async def send(self, data: bytes) -> None:
        """Send ``data`` once the client has read enough of what was sent before.

        Raises:
            RequestCancelled: The connection was lost.
        """
        if not self._can_write.is_set():
            await self._can_write.wait()
        if self.is_lost:
            raise RequestCancelled
        if self.service.wants("http.lifecycle.send"):
            await self.app.dispatch("http.lifecycle.send", inline=True, context={"data": data})
        self.since_s = self.service.sweep.now_s
        self.transport.write(data)

    def refuse(self, refusal: Refusal) -> None:
        """Answer what is no request, and close."""
        body = refusal_body(refusal)
        head = start(refusal.status, PROBLEM_JSON) + b"Content-Length: %d\r\n" % len(body) + CLOSE
        head += self._refusal_fields()
        if self.inbound.buffer.startswith(b"HEAD "):
            body = b""
        self.is_broken = True
        self.transport.write(head + self.service.heads.refresh() + body)
        self.close_gently()

    def _refusal_fields(self) -> bytes:
        """The fields that every answer has, beside ``Date`` and ``Server``."""
        return b""

    def close_gently(self) -> None:
        """Close so that the client sees the answer also when it is still sending (RFC 9112, section 9.6)."""
        inbound = self.inbound
        is_clean = inbound.body_done and not inbound.buffer and not self.is_broken
        if is_clean or self.has_eof or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.is_lingering = True
        inbound.buffer = b""
        self.since_s = self.loop.time()
        self.resume_reading()
        self.transport.write_eof()

    # Reading as much as is wanted

    def pause_reading(self) -> None:
        """Let what comes wait in the kernel."""
        if not self.is_paused and self.transport is not None:
            self.is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """The opposite of :meth:`pause_reading`."""
        if self.is_paused and self.transport is not None:
            self.is_paused = False
            self.transport.resume_reading()

    def resume_body(self) -> None:
        """Somebody waits for more of the body."""
        self.resume_reading()

    def body_came(self) -> None:
        """Nobody waits for it any more."""
