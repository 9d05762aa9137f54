"""A connection that ends in time: deadlines, and the server's own end."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from sanic.exceptions import RequestTimeout, ServiceUnavailable
from sanic.http.constants import Stage
from websockets.frames import CloseCode
from websockets.protocol import State

from velox.http.connection import Connection
from velox.http.refusal import Refusal
from velox.http.runner import Runner, Work

__all__ = ["Watched"]

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds."""


class Watched(Connection):
    """What of a connection depends on time.

    Attributes:
        runner: Runs the request's coroutine.
        is_discarding: Whether the rest of an answered request's body is read and dropped.
        is_head_begun: Whether a head is awaited since the connection, or since its first byte.
        is_leaving: Whether the answer in hand ends because the server stops.
        since_s: When the present phase began, or last had progress, by the loop's clock.
    """

    __slots__ = (
        "_body_checked_bytes",
        "_body_wait_s",
        "_body_waited_s",
        "_stalled_s",
        "_unsent_bytes",
        "is_discarding",
        "is_head_begun",
        "is_leaving",
        "runner",
    )

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.runner = Runner(self.loop, self.handled)
        self.is_discarding, self.is_head_begun, self.is_leaving = False, True, False
        self._body_wait_s, self._body_waited_s, self._body_checked_bytes = 0.0, 0.0, 0
        self._stalled_s, self._unsent_bytes = 0.0, 0

    def handled(self, value: Any, error: BaseException | None) -> Work | None:
        """The coroutine that ran has ended; what is to be run next."""
        raise NotImplementedError

    def expect_body(self) -> None:
        """A body begins."""
        self._body_waited_s, self._body_checked_bytes = 0.0, 0

    def resume_body(self) -> None:
        """Somebody waits for more of the body: from now on it has to come."""
        self._body_wait_s = self.loop.time()
        super().resume_body()

    def body_came(self) -> None:
        """Nobody waits any more. Only time that was waited counts, however often more came in it."""
        self._body_waited_s += self.loop.time() - self._body_wait_s

    def check_deadlines(self, now_s: float) -> None:
        """Close what is over at ``now_s``; see :class:`~velox.http.budgets.Budgets`."""
        if self.transport is None:
            return
        if self.websocket is not None:
            if not self._can_write.is_set():
                self._check_reader(now_s)
            return
        budgets, waited_s = self.budgets, now_s - self.since_s
        if self.is_lingering:
            if waited_s > budgets.linger_s:
                self.transport.abort()
        elif not self._can_write.is_set():
            self._check_reader(now_s)
        elif self.runner.work is not None:
            self._check_handler(now_s)
        elif self.is_head_begun or self.is_discarding:
            if waited_s > budgets.head_s:
                self._give_up()
        elif waited_s > budgets.keep_alive_s:
            self.transport.close()

    def pause_writing(self) -> None:
        """More waits to be sent than should."""
        super().pause_writing()  # type: ignore[no-untyped-call]
        self._stalled_s, self._unsent_bytes = self.loop.time(), self.transport.get_write_buffer_size()

    def _check_reader(self, now_s: float) -> None:
        """Whether a client that lets us wait reads at all."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes != self._unsent_bytes:
            self._stalled_s, self._unsent_bytes = now_s, unsent_bytes
        elif now_s - self._stalled_s > self.budgets.write_stall_s:
            # Without this the kernel would keep what it has to send, up to some MiB, and try for minutes.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()

    def _check_handler(self, now_s: float) -> None:
        budgets, stream = self.budgets, self.stream
        if stream.is_waited_for:
            window_s = self._body_waited_s + now_s - self._body_wait_s
            if window_s < budgets.body_window_s:
                return
            arrived_bytes = stream.received_bytes - self._body_checked_bytes
            self._body_waited_s, self._body_wait_s, self._body_checked_bytes = 0.0, now_s, stream.received_bytes
            if arrived_bytes < budgets.body_rate * window_s:
                self.keep_alive = False
                stream.fail(RequestTimeout("The request's body came too slowly"))
        elif now_s - self.since_s > self.service.response_s and self.timed_out is None:
            self.timed_out = ServiceUnavailable("Response Timeout")
            self.runner.cancel()

    def _give_up(self) -> None:
        if self.inbound.buffer:
            self.refuse(Refusal(408, "The request's head took too long."))
        else:
            self.transport.close()

    def close_if_idle(self) -> bool:
        """Close unless a request is being read or answered; called when the server stops."""
        if self.websocket is not None:
            if self.websocket.ws_proto.state in (State.CLOSING, State.CLOSED):
                return True
            self.keep(self.loop.create_task(self.websocket.close(CloseCode.GOING_AWAY)))
            return False
        if self.runner.work is not None or self.inbound.buffer or not self.inbound.body_done:
            return False
        self.close()
        return True

    def leave_stream(self) -> None:
        """End an event stream, which would never end by itself; called when the server stops."""
        response = self.stream.response
        if self.stream.stage is Stage.RESPONSE and not self.is_leaving and is_event_stream(response):
            self.is_leaving = True
            self.runner.cancel()

    def close(self, timeout: float | None = None) -> None:
        """Close; a WebSocket with its own goodbye."""
        if self.websocket is not None:
            self.websocket.end_connection(CloseCode.GOING_AWAY)  # type: ignore[no-untyped-call]
        else:
            super().close(timeout)

    def signal_connection(self, event: str) -> None:
        """Tell those who listen to a signal about connections."""
        context = {"conn_info": self.conn_info}
        self.keep(self.loop.create_task(self.app.dispatch(event, inline=True, context=context)))

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold ``task`` until it is done; the loop itself holds tasks only weakly."""
        self.service.tasks.add(task)
        task.add_done_callback(self.service.tasks.discard)


def is_event_stream(response: Any) -> bool:
    """Whether ``response`` is of the kind that clients open again when it has ended (WHATWG HTML, section 9.2)."""
    media_type = response.headers.get("content-type", response.content_type) if response is not None else None
    return bool(media_type) and str(media_type).startswith("text/event-stream")
