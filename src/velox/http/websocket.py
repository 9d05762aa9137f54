"""A connection that becomes a WebSocket: the handshake, and who gets the bytes then."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import itertools
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

from sanic.exceptions import SanicException, ServerError, WebsocketClosed
from sanic.server.websockets.impl import WebsocketImplProtocol
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidHeaderValue
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

__all__ = ["WebSocket", "accept"]

HANDSHAKE = frozenset(
    {
        "connection",
        "host",
        "origin",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "upgrade",
    }
)
# RFC 7692. Windows of 4 KiB and zlib's smaller tables, on the side that is ours to choose.
DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
)
HINTS = ("Upgrade", "Sec-WebSocket-Version")
"""What an answer that declines says about how to do better (RFC 6455, section 4.4)."""


class WebSocket(WebsocketImplProtocol):
    """Sanic's WebSocket, with what it leaves out.

    - Text that is not UTF-8 closes it with 1007 (RFC 6455, section 8.1). Sanic decodes text in a task that nobody waits
      for: its error was lost, and the client waited for ever.
    - ``async for message in ws`` ends when the connection does, whoever ended it, and what follows the loop runs.
      Sanic's cancels the handler.
    - A client that sends many small frames is read only so fast.

    Args:
        machine: The protocol's state machine.
        frames_per_s: How many frames are read in a second; 0: any number.
        named: Sanic's own.

    Attributes:
        is_told: Whether the handler has a loop over the messages, which ends by itself: it is cancelled only if it has
            not ended ``close_timeout`` seconds (10) after the connection.
    """

    # Sanic has None for both until the connection is made, which is when this begins to work.
    io_proto: Any
    loop: Any

    def __init__(self, machine: ServerProtocol, *, frames_per_s: int = 0, **named: Any) -> None:
        super().__init__(machine, **named)
        self._decode: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._frames_per_s = frames_per_s
        self._frames_left = float(frames_per_s)
        self._counted_s = 0.0
        self._throttle: asyncio.TimerHandle | None = None
        self.is_told = False

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The messages, until the connection ends."""
        self.is_told = True
        while True:
            try:
                message = await self.recv()
            except (WebsocketClosed, ConnectionClosed):
                return
            except asyncio.CancelledError:
                if self.ws_proto.state is State.OPEN or is_cancelled():
                    raise
                return
            yield message

    async def recv(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - the name is Sanic's
        """The next message; ``None`` when there is none within ``timeout`` seconds (``None``: any time).

        Every message that came before the end is there to be read, which with Sanic's depends on who is faster.

        Raises:
            WebsocketClosed: The connection had ended before.
            CancelledError: It has ended now.
            ServerError: Another task waits for a message.
        """
        if self.recv_lock.locked():
            raise ServerError("Another task waits for the next message already.")
        async with self.recv_lock:
            if self._is_at_end():
                raise WebsocketClosed("Cannot receive from a WebSocket that is closed.")
            getting = self.loop.create_task(self.assembler.get(timeout))
            try:
                while not getting.done():
                    if self._is_at_end():
                        raise asyncio.CancelledError
                    self.recv_cancel = self.loop.create_future()
                    await asyncio.wait((getting, self.recv_cancel), return_when=asyncio.FIRST_COMPLETED)
                return getting.result()
            finally:
                self.recv_cancel = None
                getting.cancel()

    def _is_at_end(self) -> bool:
        """Whether there is no message any more, and will be none."""
        return self.ws_proto.state is not State.OPEN and not self._tasks

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone, with or without a goodbye."""
        if self._throttle is not None:
            self._throttle.cancel()
        super().connection_lost(exc)  # type: ignore[no-untyped-call]
        self._look_again()

    def drop_unread(self) -> None:
        """The handler has ended: nobody will read what has come."""
        for task in self._tasks:
            task.cancel()

    def _worked_off(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._look_again()

    def _look_again(self) -> None:
        """Let who waits for a message see whether there will be one."""
        if self.recv_cancel is not None:
            self.recv_cancel.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes came: their messages go on to the handler, up to the first that is no text."""
        machine = self.ws_proto
        machine.receive_data(data)
        events = machine.events_received()
        if self._frames_per_s:
            self._count(len(events))
        good = list(itertools.takewhile(self._is_utf8, events))
        replies = machine.data_to_send()
        if good or replies:
            work: Coroutine[Any, Any, None] = self.async_data_received(replies, good)  # type: ignore[no-untyped-call]
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._worked_off)
        if len(good) < len(events):
            self.fail_connection(CloseCode.INVALID_DATA, "text that is not UTF-8")

    def resume_frames(self) -> bool:
        """The handler wants more; not before its time."""
        resumed = bool(super().resume_frames())  # type: ignore[no-untyped-call]
        if resumed and self._throttle is not None:
            self.io_proto.transport.pause_reading()
        return resumed

    def _count(self, frames: int) -> None:
        """Take note of ``frames``, and read no more for as long as they are too many."""
        now_s = self.loop.time()
        rate = self._frames_per_s
        self._frames_left = min(float(rate), self._frames_left + rate * (now_s - self._counted_s)) - frames
        self._counted_s = now_s
        if self._frames_left < 0 and self._throttle is None:
            self.io_proto.transport.pause_reading()
            self._throttle = self.loop.call_later(-self._frames_left / rate, self._read_on)

    def _read_on(self) -> None:
        self._throttle = None
        if self.pause_frame_fut is None and self.ws_proto.state is State.OPEN:
            self.io_proto.transport.resume_reading()

    def _is_utf8(self, frame: Any) -> bool:
        if not isinstance(frame, Frame):
            return True
        if frame.opcode is Opcode.TEXT:
            self._decode = codecs.getincrementaldecoder("utf-8")().decode
        elif frame.opcode is Opcode.BINARY:
            self._decode = None
        elif frame.opcode is not Opcode.CONT:
            return True
        if self._decode is None:
            return True
        try:
            self._decode(frame.data, frame.fin)
        except UnicodeDecodeError:
            return False
        return True


def is_cancelled() -> bool:
    """Whether somebody wants the task of the moment to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def accept(
    request: Any, subprotocols: Sequence[str] | None, max_bytes: int | None, *, compresses: bool = False
) -> tuple[ServerProtocol, bytes]:
    """The protocol's state machine after the handshake, and the answer to send, without its common last fields.

    Args:
        request: The request that asks for it.
        subprotocols: What the handler speaks, most liked first; ``None``: none.
        max_bytes: The largest message, decompressed.
        compresses: Whether messages are compressed if the client can.

    Raises:
        SanicException: The handshake is not in order (400, or 426 with what to upgrade to).
    """
    if request.version == "1.0":
        raise SanicException("HTTP/1.0 knows no upgrade", 400)  # RFC 9110, section 7.8
    protocols = [Subprotocol(name) for name in subprotocols] if subprotocols is not None else None
    machine = ServerProtocol(
        subprotocols=protocols, max_size=max_bytes, state=State.OPEN, extensions=[DEFLATE] if compresses else None
    )
    answer = machine.accept(Handshake(request.path, handshake_fields(request)))
    if answer.status_code != 101:
        text = (answer.body or b"").decode(errors="replace").strip()
        hints = {name: value for name, value in answer.headers.raw_items() if name in HINTS}
        raise SanicException(text, answer.status_code, headers=hints)
    fields = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.raw_items() if name != "Date")
    return machine, f"HTTP/1.1 101 {answer.reason_phrase}\r\n{fields}".encode()


def handshake_fields(request: Any) -> Headers:
    """The fields that a handshake looks at. One with bytes that the library does not take counts as not sent."""
    fields = Headers()
    for name, value in request.headers.items():
        if name.lower() in HANDSHAKE:
            with contextlib.suppress(InvalidHeaderValue):
                fields[name] = value
    return fields
