"""A connection that becomes a WebSocket: the handshake, and who gets the bytes then."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import itertools
from collections.abc import Coroutine, Sequence
from typing import Any

from sanic.exceptions import SanicException
from sanic.server.websockets.impl import WebsocketImplProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeaderValue
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
HINTS = ("Upgrade", "Sec-WebSocket-Version")
"""What an answer that declines says about how to do better (RFC 6455, section 4.4)."""


class WebSocket(WebsocketImplProtocol):
    """Sanic's WebSocket, which closes with 1007 on text that is not UTF-8 (RFC 6455, section 8.1).

    Sanic decodes text in a task that nobody waits for: its error was lost, and the client waited for ever.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._decode: Any = None
        self._tasks: set[asyncio.Task[None]] = set()

    def data_received(self, data: bytes) -> None:
        """Bytes came: their messages go on to the handler, up to the first that is no text."""
        machine = self.ws_proto
        machine.receive_data(data)
        events = machine.events_received()
        good = list(itertools.takewhile(self._is_utf8, events))
        replies = machine.data_to_send()
        if good or replies:
            work: Coroutine[Any, Any, None] = self.async_data_received(replies, good)  # type: ignore[no-untyped-call]
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(good) < len(events):
            self.fail_connection(CloseCode.INVALID_DATA, "text that is not UTF-8")

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


def accept(request: Any, subprotocols: Sequence[str] | None, max_bytes: int | None) -> tuple[ServerProtocol, bytes]:
    """The protocol's state machine after the handshake, and the answer to send.

    Args:
        request: The request that asks for it.
        subprotocols: What the handler speaks, most liked first; ``None``: none.
        max_bytes: The largest message.

    Raises:
        SanicException: The handshake is not in order (400, or 426 with what to upgrade to).
    """
    if request.version == "1.0":
        raise SanicException("HTTP/1.0 knows no upgrade", 400)  # RFC 9110, section 7.8
    protocols = [Subprotocol(name) for name in subprotocols] if subprotocols is not None else None
    machine = ServerProtocol(subprotocols=protocols, max_size=max_bytes, state=State.OPEN)
    answer = machine.accept(Handshake(request.path, handshake_fields(request)))
    if answer.status_code != 101:
        text = (answer.body or b"").decode(errors="replace").strip()
        hints = {name: value for name, value in answer.headers.raw_items() if name in HINTS}
        raise SanicException(text, answer.status_code, headers=hints)
    head = f"HTTP/1.1 101 {answer.reason_phrase}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in answer.headers.raw_items())
    return machine, head.encode() + b"\r\n"


def handshake_fields(request: Any) -> Headers:
    """The fields that a handshake looks at. One with bytes that the library does not take counts as not sent."""
    fields = Headers()
    for name, value in request.headers.items():
        if name.lower() in HANDSHAKE:
            with contextlib.suppress(InvalidHeaderValue):
                fields[name] = value
    return fields
