"""A connection's way from bytes to an answer.

      ┌────────── idle ◀───────────────┐
bytes │                                │ answered, body read
      ▼                                │
    head ──▶ handler (body comes in) ──┤
      │         │                      │ answered, body not read
      │refused  │connection lost       ▼
      ▼         ▼                  discarding
  lingering ─▶ closed ◀─ idle too long, or "Connection: close"
"""

from __future__ import annotations

import math
from asyncio import CancelledError
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from sanic import Request
from sanic.constants import HTTP_METHODS
from sanic.exceptions import BadRequest, ExpectationFailed, RequestCancelled, SanicException
from sanic.http.constants import Stage
from sanic.log import error_logger
from sanic.models.server_types import ConnInfo
from sanic.response import HTTPResponse

from velox.http.answering import answer_endpoint, answer_error, answer_result, answer_through_sanic
from velox.http.inbound import Head
from velox.http.inflating import CODINGS, Inflater
from velox.http.refusal import Refusal
from velox.http.request import WireRequest, identity_line
from velox.http.response import is_status
from velox.http.routes import Match
from velox.http.runner import Work
from velox.http.watched import Watched
from velox.http.websocket import WebSocket, accept

__all__ = ["VeloxProtocol"]

NO_MATCH: tuple[Match | None, dict[str, Any]] = (None, {})
CURRENT = Request._current  # what Request.get_current() reads


class VeloxProtocol(Watched):
    """An HTTP/1.1 connection of a Sanic application: ``app.prepare(protocol=VeloxProtocol)``.

    Every limit is in ``budgets``; for others than the defaults, subclass it and set them.

    >>> from velox.http import Budgets
    >>> class Patient(VeloxProtocol):
    ...     budgets = Budgets(head_s=60.0)
    """

    __slots__ = ("_is_straight", "_started_s")

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self._is_straight = False
        self._started_s = 0.0

    # What asyncio calls

    def connection_made(self, transport: Any) -> None:
        """A client connected."""
        budgets, service = self.budgets, self.service
        transport.set_write_buffer_limits(high=budgets.write_buffer_bytes)
        self.transport = transport
        self.conn_info = ConnInfo(transport, unix=self._unix)
        is_full = len(self.connections) >= budgets.connections
        self.connections.add(self)
        self.since_s = self.loop.time()
        service.sweep.start()
        if is_full:
            self.refuse(Refusal(503, "The server has no room for another connection."))
        elif service.wants("http.lifecycle.begin"):
            self.signal_connection("http.lifecycle.begin")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client, or we, closed the connection."""
        self.connections.discard(self)
        self._can_write.set()
        if self.conn_info is not None:
            self.conn_info.lost = True
        if self.websocket is not None:
            self.websocket.connection_lost(exc)
        if self.websocket is not None and self.websocket.is_told:
            self.runner.end(cancels=False)
            self.loop.call_later(self.websocket.close_timeout, self.runner.cancel)
        else:
            self.runner.end()
        self.stream.fail(RequestCancelled())
        if self.service.wants("http.lifecycle.complete"):
            self.signal_connection("http.lifecycle.complete")

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        inbound = self.inbound
        if self.websocket is not None:
            self.websocket.data_received(data)
            return
        if self.is_lingering:
            return
        inbound.buffer = inbound.buffer + data if inbound.buffer else data
        if not inbound.body_done:
            if not self.is_discarding:  # which has to be over in time, however often more comes
                self.since_s = self.service.sweep.now_s
            self._read_body()
            if self.is_discarding:
                self._go_on(self._discard())
        elif self.runner.work is None and self._can_write.is_set():
            work = self._next()
            if work is not None:
                self.runner.start(work)
        elif len(inbound.buffer) > self.budgets.read_ahead_bytes:
            self.pause_reading()

    def eof_received(self) -> bool | None:
        """The client will send nothing more: it has closed, or is careless. What it began is told to be incomplete."""
        if self.websocket is not None:
            return self.websocket.eof_received()
        inbound = self.inbound
        if self.is_lingering:
            return None
        if self.runner.work is None:
            if inbound.buffer.strip(b"\r\n") and inbound.body_done:
                self.has_eof = True
                self.refuse(Refusal(400, "The connection ended within the request's head."))
            return None
        if inbound.body_done:
            return None
        self.keep_alive = False
        self.has_eof = True
        self.stream.fail(BadRequest("The connection ended within the request's body"))
        return True

    def resume_writing(self) -> None:
        """The client has read what waited for it."""
        super().resume_writing()  # type: ignore[no-untyped-call]
        if self.runner.work is None and self.inbound.buffer and self.inbound.body_done and self.websocket is None:
            self._go_on(self._next())

    # From bytes to a request

    def _go_on(self, work: Work | None) -> None:
        if work is not None:
            self.runner.start(work)

    def _next(self) -> Work | None:
        """What serves the next request; ``None`` when it is not complete yet."""
        try:
            head = self.inbound.read_head()
        except Refusal as refusal:
            self.refuse(refusal)
            return None
        if head is None:
            if not self.is_head_begun:
                self.is_head_begun = True
                self.since_s = self.loop.time()
            return None
        return self._begin(head)

    def _begin(self, head: Head) -> Work:
        service, stream = self.service, self.stream
        self.is_head_begun = False
        self.since_s = service.sweep.now_s
        if not head.stays:
            self.keep_alive = False
        if service.times:
            self._started_s = perf_counter()
        request: Any = WireRequest(head, self, stream) if service.request_class is None else self._custom_request(head)
        self.runner.renew_context().run(CURRENT.set, request)
        stream.begin(request, head)
        if head.target == b"*":
            return answer_result(self, request, HTTPResponse(status=204, headers={"Allow": ", ".join(HTTP_METHODS)}))
        match, values = service.find(head) or NO_MATCH
        if head.has_body:
            error = self._take_body(request, head, match)
            if error is not None:
                self.keep_alive = False
                return answer_error(self, request, error)
        if match is None or not match.is_straight:
            return answer_through_sanic(self, request)
        request.route = match.route
        self._is_straight = True
        if stream.request_body and match.is_whole:
            body = stream.take_whole()
            if body is None:
                return answer_endpoint(request, match, values)
            request.body = body
        work: Work = match.handler(request, **values)
        return work

    def _take_body(self, request: Any, head: Head, match: Match | None) -> SanicException | None:
        """Take the body if it is wanted whole, and here; else make ready for what of it comes."""
        if match is not None and match.is_whole and head.has_plain_body:
            body = self.inbound.take_body() if self.inbound.left <= (match.body_bytes or 0) else None
            if body is not None:
                request.body = body
                return None
        return self._begin_body(head, match)

    def _custom_request(self, head: Head) -> Any:
        """A request of the app's own class, made as Sanic makes it."""
        custom = self.service.request_class
        assert custom is not None
        headers = head.fields.headers()
        request = custom(head.target, headers, head.version, head.method, self.transport, self.app, head.raw)
        request.conn_info, request.stream = self.conn_info, self.stream
        return request

    def _begin_body(self, head: Head, match: Match | None) -> SanicException | None:
        """Make ready for a body, and read what of it came; the error when it cannot be wanted."""
        fields, limit = head.fields, float(self.service.body_bytes)
        if match is not None and match.body_bytes is not None:
            limit = math.inf if match.is_stream else match.body_bytes
        self.expect_body()
        expects = fields.expect == "100-continue" and head.version == "1.1"
        ratio = self.budgets.compression_ratio
        inflater = Inflater(fields.coding, ratio) if ratio and fields.coding in CODINGS else None
        self.stream.begin_body(limit, self.inbound.declared_bytes, expecting_continue=expects, inflater=inflater)
        if fields.expect not in ("", "100-continue"):
            return ExpectationFailed("The only expectation that is understood is 100-continue")
        if fields.coding and inflater is None:
            allowed = ", ".join(CODINGS) if ratio else "identity"
            return SanicException(
                f"The body's content coding is not one of: {allowed}", 415, headers={"Accept-Encoding": allowed}
            )
        if self.inbound.buffer:
            self._read_body()
        return None

    def _read_body(self) -> None:
        inbound, stream = self.inbound, self.stream
        try:
            inbound.read_body()
        except Refusal as refusal:
            self.keep_alive = False
            self.is_broken = inbound.body_done = True
            stream.fail(BadRequest(refusal.detail))
            return
        stream.declare(inbound.declared_bytes)
        if inbound.body_done:
            stream.feed_end()
        elif stream.unread_bytes > self.budgets.read_ahead_bytes and not stream.is_waited_for:
            self.pause_reading()

    # From an answer to the next request

    def handled(self, value: Any, error: BaseException | None) -> Work | None:
        """The request's coroutine has ended; what is to be run next."""
        stream = self.stream
        if not self._is_straight:
            if error is not None and not isinstance(error, CancelledError):
                error_logger.error("A request failed beyond its error handling", exc_info=error)
            return self._finish()
        self._is_straight = False
        request = stream.request
        if error is not None:
            return answer_error(self, request, error, runs_middleware=not request._request_middleware_started)
        # Of a response that response middleware has seen, the request says that it was responded to.
        if (
            isinstance(value, HTTPResponse)
            and stream.stage is Stage.HANDLER
            and (not request.responded or value is stream.response)
        ):
            answer = self._written(value)
            if answer is not None:
                stream.stage, stream.response = Stage.IDLE, value
                if self.transport is not None:
                    self.transport.write(answer)
                return self._finish()
        return answer_result(self, request, value)

    def _written(self, response: HTTPResponse) -> bytes | None:
        """The answer's bytes; ``None`` when its status is none."""
        usual, body, answer = self.usual, response.body or b"", None
        if usual is not None and self.stream.head.is_usual and self.keep_alive and self.inbound.body_done:
            line = identity_line(self.stream.request) if self.names_requests else b""
            if not self.signal.stopped:
                answer = self.service.heads.quick(response, body, usual, line)
        if answer is None and is_status(response.status):
            return self.whole(response, body)
        return answer

    def _finish(self) -> Work | None:
        """The request is over: go on with the next, or close."""
        stream, service, inbound = self.stream, self.service, self.inbound
        stage = stream.stage
        if service.times and self.websocket is None:
            self._note_time()
        stream.end()
        if stage is Stage.IDLE and self.keep_alive and self.websocket is None:
            self.since_s = service.sweep.now_s
            if inbound.body_done:
                return self._next_buffered() if inbound.buffer or self.is_paused else None
            self.is_discarding = True
            self.resume_reading()
            return self._discard()
        if self.websocket is not None:
            self.websocket.drop_unread()
        if self.is_lost:
            return None
        if self.websocket is not None:
            self.transport.close()
        elif stage is Stage.HANDLER:
            self.refuse(Refusal(500, "The server could not make an answer."))
        elif stage is not Stage.IDLE:
            self.transport.abort()  # half an answer must not pass for a whole one (RFC 9112, section 8)
        else:
            self.close_gently()
        return None

    def _note_time(self) -> None:
        """For the access log, and for ``/metrics``."""
        service, request, response = self.service, self.stream.request, self.stream.response
        ended_s = perf_counter()
        if service.log_access is not None:
            service.log_access(request, response, self._started_s, ended_s)
        if service.meter is not None:
            status = 0 if response is None else response.status
            service.meter.note(request.route, request.method, status, ended_s - self._started_s)

    def _next_buffered(self) -> Work | None:
        self.resume_reading()
        return self._next() if self.inbound.buffer and self._can_write.is_set() and not self.is_lost else None

    def _discard(self) -> Work | None:
        """Drop the rest of a body that nobody read; then go on."""
        if self.inbound.body_done and not self.is_broken:
            self.is_discarding = False
            return self._next_buffered()
        if self.is_broken or self.stream.discarded_bytes > self.budgets.discard_bytes:
            self.is_discarding = False
            self.close_gently()
        return None

    async def websocket_handshake(self, request: Any, subprotocols: Sequence[str] | None = None) -> WebSocket:
        """Answer the handshake; from then on the connection's bytes are the WebSocket's. Called by Sanic.

        Raises:
            SanicException: The handshake is not in order.
        """
        options, budgets = self.websocket_options, self.budgets
        max_bytes = options.get("websocket_max_size")
        machine, answer = accept(request, subprotocols, max_bytes, compresses=budgets.websocket_compression)
        await self.send(answer + self.service.heads.refresh())
        websocket = WebSocket(
            machine,
            frames_per_s=budgets.websocket_frames_per_s,
            ping_interval=options.get("websocket_ping_interval", 20.0),
            ping_timeout=options.get("websocket_ping_timeout", 20.0),
        )
        await websocket.connection_made(self, loop=self.loop)
        self.websocket = websocket
        early, self.inbound.buffer = self.inbound.buffer, b""
        self.resume_reading()
        if early:
            websocket.data_received(early)
        return websocket
