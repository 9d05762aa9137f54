"""A connection: what asyncio calls, and how a request becomes an answer.

     ┌──────────── idle ◀───────────────┐
 bytes│                                 │ answered, body read
     ▼                                  │
  head ──▶ handler (body comes in) ─────┤
     │         │                        │ answered, body not read
     │refused  │connection lost         ▼
     ▼         ▼                      discarding
 lingering ──▶ closed ◀── idle too long, or "Connection: close"
"""

from __future__ import annotations

import asyncio
import math
from asyncio import CancelledError
from collections.abc import Sequence
from copy import copy
from time import perf_counter
from typing import Any, ClassVar

from sanic import Request, Sanic
from sanic.compat import Header
from sanic.constants import HTTP_METHODS
from sanic.exceptions import (
    BadRequest,
    ExpectationFailed,
    RequestCancelled,
    RequestTimeout,
    SanicException,
    ServiceUnavailable,
)
from sanic.http.constants import HTTP, Stage
from sanic.log import error_logger
from sanic.models.server_types import ConnInfo
from sanic.response import BaseHTTPResponse, HTTPResponse
from sanic.server.protocols.base_protocol import SanicProtocol
from websockets.frames import CloseCode
from websockets.protocol import State

from velox.http.access import log_access
from velox.http.answering import answer_endpoint, answer_error, answer_result, answer_through_sanic
from velox.http.budgets import Budgets
from velox.http.head import Fields
from velox.http.inbound import Head, Inbound
from velox.http.refusal import Refusal, refusal_body
from velox.http.request import WireRequest
from velox.http.response import CLOSE, KEEP_ALIVE, start
from velox.http.routes import Match
from velox.http.runner import Runner, Work
from velox.http.service import service_of
from velox.http.stream import WireStream
from velox.http.websocket import WebSocket, accept

__all__ = ["VeloxProtocol"]

CURRENT = Request._current  # noqa: SLF001 - what Request.get_current() reads
PROBLEM_JSON = "application/problem+json"


class VeloxProtocol(SanicProtocol):
    """An HTTP/1.1 connection of a Sanic application: ``app.prepare(protocol=VeloxProtocol)``.

    Every limit is in :attr:`budgets`; for others than the defaults, subclass and set it.
    """

    budgets: ClassVar[Budgets] = Budgets()
    version: ClassVar[HTTP] = HTTP.VERSION_1

    __slots__ = (
        "_body_checked_bytes",
        "_body_checked_s",
        "_discarding",
        "_has_eof",
        "_head_begun",
        "_inbound",
        "_is_broken",
        "_is_lingering",
        "_is_paused",
        "_match",
        "_runner",
        "_since_s",
        "_stalled_s",
        "_started_s",
        "_straight",
        "_unsent_bytes",
        "_websocket_options",
        "keep_alive",
        "service",
        "stream",
        "timed_out",
        "websocket",
    )

    def __init__(self, **named: Any) -> None:
        websocket = {name: value for name, value in named.items() if name.startswith("websocket_")}
        super().__init__(**named)
        app: Sanic[Any, Any] = self.app
        self.service = service_of(app, self.loop, self.connections, self.budgets)
        self.stream = WireStream(self)
        self.websocket: WebSocket | None = None
        self.keep_alive = bool(app.config.KEEP_ALIVE)
        self.timed_out: SanicException | None = None
        self._websocket_options = websocket
        self._inbound = Inbound(self.budgets, self.stream.feed)
        self._runner = Runner(self.loop, self._handled)
        self._match: Match | None = None
        self._straight = self._discarding = self._is_lingering = self._is_paused = False
        self._is_broken = self._has_eof = False
        self._body_checked_s, self._body_checked_bytes = 0.0, 0
        self._head_begun = True
        self._since_s = self._started_s = 0.0
        self._stalled_s, self._unsent_bytes = 0.0, 0

    # What asyncio calls

    def connection_made(self, transport: Any) -> None:
        """A client connected."""
        budgets, service = self.budgets, self.service
        transport.set_write_buffer_limits(high=budgets.write_buffer_bytes)
        self.transport = transport
        self.conn_info = ConnInfo(transport, unix=self._unix)
        full = len(self.connections) >= budgets.connections
        self.connections.add(self)
        self._since_s = self.loop.time()
        service.sweep.start()
        if full:
            self._refuse(Refusal(503, "The server has no room for another connection."))
        elif service.wants("http.lifecycle.begin"):
            self._signal("http.lifecycle.begin")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client, or we, closed the connection."""
        self.connections.discard(self)
        self._can_write.set()
        if self.conn_info is not None:
            self.conn_info.lost = True
        if self.websocket is not None:
            self.websocket.connection_lost(exc)
        self._runner.end()
        self.stream.fail(RequestCancelled())
        if self.service.wants("http.lifecycle.complete"):
            self._signal("http.lifecycle.complete")

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        inbound = self._inbound
        if self.websocket is not None:
            self.websocket.data_received(data)
            return
        if self._is_lingering:
            return
        inbound.buffer = inbound.buffer + data if inbound.buffer else data
        if not inbound.body_done:
            self._since_s = self.service.sweep.now_s
            self._read_body()
            if self._discarding:
                self._go_on(self._discard())
        elif self._runner.work is None and self._can_write.is_set():
            self._go_on(self._next())
        elif len(inbound.buffer) > self.budgets.read_ahead_bytes:
            self._pause_reading()

    def eof_received(self) -> bool | None:
        """The client will send nothing more: it has closed, or is careless. What it began is told to be incomplete."""
        if self.websocket is not None:
            return self.websocket.eof_received()
        inbound = self._inbound
        if self._is_lingering:
            return None
        if self._runner.work is None:
            if inbound.buffer and inbound.body_done:
                self._refuse(Refusal(400, "The connection ended within the request's head."))
            return None
        if inbound.body_done:
            return None
        self.keep_alive = False
        self._has_eof = True
        self.stream.fail(BadRequest("The connection ended within the request's body"))
        return True

    def resume_writing(self) -> None:
        """The client has read what waited for it."""
        super().resume_writing()
        if self._runner.work is None and self._inbound.buffer and not self._is_lingering and self.websocket is None:
            self._go_on(self._next())

    # From bytes to a request

    def _go_on(self, work: Work | None) -> None:
        if work is not None:
            self._runner.start(work)

    def _next(self) -> Work | None:
        """What serves the next request; ``None`` when it is not complete yet."""
        try:
            head = self._inbound.read_head()
        except Refusal as refusal:
            self._refuse(refusal)
            return None
        if head is None:
            if not self._head_begun:
                self._head_begun = True
                self._since_s = self.loop.time()
            return None
        self._head_begun = False
        self._since_s = self.service.sweep.now_s
        return self._begin(head)

    def _begin(self, head: Head) -> Work:
        line, fields, raw = head
        service, stream, inbound = self.service, self.stream, self._inbound
        if fields.close or (line.version == "1.0" and not fields.keep_alive):
            self.keep_alive = False
        if service.access_log:
            self._started_s = perf_counter()
        match = self._match = service.find(line.method, line.target)
        if line.authority is not None:
            fields = with_host(fields, line.authority)
        request = self._make_request(head, fields)
        self._runner.renew_context().run(CURRENT.set, request)
        stream.begin(request, head_only=line.method == "HEAD")
        stream.upgrade_websocket = fields.websocket
        request.stream = stream
        if line.target == b"*":
            return answer_result(self, request, HTTPResponse(status=204, headers={"Allow": ", ".join(HTTP_METHODS)}))
        if not inbound.body_done:
            error = self._begin_body(fields, match)
            if error is not None:
                self.keep_alive = False
                return answer_error(self, request, error)
        if match is None or not match.straight:
            return answer_through_sanic(self, request)
        request.route = match.route
        request._match_info = match.path  # noqa: SLF001 - as Sanic sets it
        self._straight = True
        if stream.request_body and not match.is_stream:
            body = stream.take_whole()
            if body is None:
                return answer_endpoint(request, match)
            request.body = body
        work: Work = match.handler(request, **match.path)
        return work

    def _make_request(self, head: Head, fields: Fields) -> Any:
        line, custom = head.line, self.service.request_class
        if custom is None:
            return WireRequest(line, fields, head.raw, self.app, self.transport, self.conn_info)
        request = custom(
            line.target, Header(fields.items), line.version, line.method, self.transport, self.app, head.raw
        )
        request.conn_info = self.conn_info
        return request

    def _begin_body(self, fields: Fields, match: Match | None) -> SanicException | None:
        """Make ready for a body, and read what of it came; the error when it cannot be wanted."""
        limit: float = self.service.body_bytes
        if match is not None and match.body_bytes is not None:
            limit = math.inf if match.is_stream else match.body_bytes
        self.stream.begin_body(
            limit,
            self._inbound.declared_bytes,
            expecting_continue=fields.expect == "100-continue" and self.stream.request.version == "1.1",
        )
        if fields.expect not in ("", "100-continue"):
            return ExpectationFailed("The only expectation that is understood is 100-continue")
        if fields.coded:
            return SanicException("The body may have no content coding", 415, headers={"Accept-Encoding": "identity"})
        if self._inbound.buffer:
            self._read_body()
        return None

    def _read_body(self) -> None:
        inbound, stream = self._inbound, self.stream
        try:
            inbound.read_body()
        except Refusal as refusal:
            self.keep_alive = False
            self._is_broken = inbound.body_done = True
            stream.fail(BadRequest(refusal.detail))
            return
        stream.declare(inbound.declared_bytes)
        if inbound.body_done:
            stream.feed_end()
        elif stream.unread_bytes > self.budgets.read_ahead_bytes and not stream.is_waited_for:
            self._pause_reading()

    def resume_body(self) -> None:
        """Somebody waits for more of the body."""
        self._body_checked_s, self._body_checked_bytes = self.loop.time(), self.stream.received_bytes
        self._resume_reading()

    def _pause_reading(self) -> None:
        if not self._is_paused and self.transport is not None:
            self._is_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused and self.transport is not None:
            self._is_paused = False
            self.transport.resume_reading()

    # From an answer to bytes

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport is None or self.transport.is_closing()

    def whole(self, response: BaseHTTPResponse, body: bytes) -> bytes:
        """An answer in one piece."""
        connection, head_only = self._connection(), self.stream.head_only
        return self.service.heads.whole(response, body, connection=connection, head_only=head_only)

    def opening(self, response: BaseHTTPResponse, framing: bytes) -> bytes:
        """The head of an answer that is sent piece by piece."""
        return self.service.heads.opening(response, connection=self._connection(), framing=framing)

    def _connection(self) -> bytes:
        """The ``Connection`` field: whether the connection stays is decided here, once an answer."""
        if self.keep_alive and not self.signal.stopped:
            inbound, stream = self._inbound, self.stream
            if inbound.body_done or not (stream.expecting_continue or inbound.left > self.budgets.discard_bytes):
                return b"" if stream.request.version == "1.1" else KEEP_ALIVE
        self.keep_alive = False
        return CLOSE

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
        self._since_s = self.service.sweep.now_s
        self.transport.write(data)

    def _handled(self, value: Any, error: BaseException | None) -> Work | None:
        """The request's coroutine is over; what is to be run next."""
        stream = self.stream
        if self._straight:
            self._straight = False
            if error is not None:
                return answer_error(self, stream.request, error)
            if not isinstance(value, HTTPResponse) or stream.request.responded or not is_status(value.status):
                return answer_result(self, stream.request, value)
            if not self.is_lost:
                stream.stage, stream.response = Stage.IDLE, value
                self.transport.write(self.whole(value, value.body or b""))
        elif error is not None and not isinstance(error, CancelledError):
            error_logger.error("A request failed beyond its error handling", exc_info=error)
        return self._finish()

    def _finish(self) -> Work | None:
        """The request is over: close, or go on with the next."""
        stream, service = self.stream, self.service
        stage = stream.stage
        if service.access_log and self.websocket is None:
            log_access(stream.request, stream.response, self._started_s)
        stream.end()
        if self.is_lost:
            return None
        if self.websocket is not None:
            self.transport.close()
        elif stage is Stage.HANDLER:
            self._refuse(Refusal(500, "The server could not make an answer."))
        elif stage is not Stage.IDLE:
            self.transport.abort()  # half an answer must not pass for a whole one (RFC 9112, section 8)
        elif not self.keep_alive:
            self._close_gently()
        elif not self._inbound.body_done:
            self._discarding = True
            self._resume_reading()
            return self._discard()
        else:
            self._since_s = service.sweep.now_s
            return self._next_buffered()
        return None

    def _next_buffered(self) -> Work | None:
        if self._is_paused:
            self._resume_reading()
        return self._next() if self._inbound.buffer and self._can_write.is_set() else None

    def _discard(self) -> Work | None:
        """Drop the rest of a body that nobody read; then go on."""
        if self._inbound.body_done and not self._is_broken:
            self._discarding = False
            return self._next_buffered()
        if self._is_broken or self.stream.discarded_bytes > self.budgets.discard_bytes:
            self._discarding = False
            self._close_gently()
        return None

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what is no request, and close."""
        body = refusal_body(refusal)
        head = start(refusal.status, PROBLEM_JSON) + b"Content-Length: %d\r\n" % len(body) + CLOSE
        body = b"" if self._inbound.buffer.startswith(b"HEAD ") else body
        self.transport.write(head + self.service.heads.refresh() + body)
        self._close_gently()

    def _close_gently(self) -> None:
        """Close so that the client sees the answer also when it is still sending (RFC 9112, section 9.6)."""
        inbound = self._inbound
        is_clean = inbound.body_done and not inbound.buffer and not self._is_broken and inbound.is_between_requests
        if is_clean or self._has_eof or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._is_lingering = True
        inbound.buffer = b""
        self._since_s = self.loop.time()
        self._resume_reading()
        self.transport.write_eof()

    # Deadlines and stopping

    def check_deadlines(self, now_s: float) -> None:
        """Close what is over at ``now_s``; see :class:`Budgets`."""
        if self.transport is None or self.websocket is not None:
            return
        budgets, waited_s = self.budgets, now_s - self._since_s
        if self._is_lingering:
            if waited_s > budgets.linger_s:
                self.transport.abort()
        elif not self._can_write.is_set():
            self._check_reader(now_s)
        elif self._runner.work is not None:
            self._check_handler(now_s)
        elif self._head_begun or self._discarding:
            if waited_s > budgets.head_s:
                self._give_up_on_head()
        elif waited_s > budgets.keep_alive_s:
            self.transport.close()

    def _check_reader(self, now_s: float) -> None:
        """Whether a client that lets us wait reads at all."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes < self._unsent_bytes or not self._unsent_bytes:
            self._stalled_s = now_s
        self._unsent_bytes = unsent_bytes
        if now_s - self._stalled_s > self.budgets.write_stall_s:
            self.transport.abort()

    def _check_handler(self, now_s: float) -> None:
        budgets, stream = self.budgets, self.stream
        if stream.is_waited_for:
            window_s = now_s - self._body_checked_s
            if window_s < budgets.body_window_s:
                return
            arrived_bytes = stream.received_bytes - self._body_checked_bytes
            self._body_checked_s, self._body_checked_bytes = now_s, stream.received_bytes
            if arrived_bytes < budgets.body_rate * window_s:
                self.keep_alive = False
                stream.fail(RequestTimeout("The request's body came too slowly"))
        elif now_s - self._since_s > self.service.response_s and self.timed_out is None:
            self.timed_out = ServiceUnavailable("Response Timeout")
            self._runner.cancel()

    def _give_up_on_head(self) -> None:
        if self._inbound.buffer or not self._inbound.is_between_requests:
            self._refuse(Refusal(408, "The request's head took too long."))
        else:
            self.transport.close()

    def close_if_idle(self) -> bool:
        """Close unless a request is being read or answered; called when the server stops."""
        if self.websocket is not None:
            if self.websocket.ws_proto.state in (State.CLOSING, State.CLOSED):
                return True
            self._keep(self.loop.create_task(self.websocket.close(CloseCode.GOING_AWAY)))
            return False
        if self._runner.work is not None or self._inbound.buffer or not self._inbound.body_done:
            return False
        self.close()
        return True

    def close(self, timeout: float | None = None) -> None:
        """Close; a WebSocket with its own goodbye."""
        if self.websocket is not None:
            self.websocket.end_connection(CloseCode.GOING_AWAY)
        else:
            super().close(timeout)

    def _signal(self, event: str) -> None:
        self._keep(self.loop.create_task(self.app.dispatch(event, inline=True, context={"conn_info": self.conn_info})))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """The loop itself holds tasks only weakly."""
        self.service.tasks.add(task)
        task.add_done_callback(self.service.tasks.discard)

    # WebSockets

    async def websocket_handshake(self, request: Any, subprotocols: Sequence[str] | None = None) -> WebSocket:
        """Answer the handshake; from then on the connection's bytes are the WebSocket's. Called by Sanic.

        Raises:
            SanicException: The handshake is not in order.
        """
        options = self._websocket_options
        machine, answer = accept(request, subprotocols, options.get("websocket_max_size"))
        await self.send(answer)
        websocket = WebSocket(
            machine,
            ping_interval=options.get("websocket_ping_interval", 20.0),
            ping_timeout=options.get("websocket_ping_timeout", 20.0),
        )
        await websocket.connection_made(self, loop=self.loop)
        self.websocket = websocket
        early, self._inbound.buffer = self._inbound.buffer, b""
        self._resume_reading()
        if early:
            websocket.data_received(early)
        return websocket


def is_status(status: Any) -> bool:
    return status.__class__ is int and 200 <= status <= 999


def with_host(fields: Fields, authority: bytes) -> Fields:
    """``fields`` with the host of an absolute target in place of ``Host`` (RFC 9112, section 3.2.2)."""
    changed = copy(fields)
    changed.items = [("host", authority.decode()), *(item for item in fields.items if item[0] != "host")]
    return changed
