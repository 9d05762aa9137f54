"""A connection on which every byte is ours: what is sent when, and what has come back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from enum import Enum

__all__ = ["Way", "Wire", "connect"]

BUFFER_BYTES = 1 << 20
PIECES_MAX = 1024


class Way(Enum):
    """How the bytes of a case arrive."""

    WHOLE = "whole"
    BYTES = "byte by byte"
    SPLIT = "split in two"
    FOLLOWED = "followed by another request"

    def pieces(self, data: bytes) -> list[bytes]:
        """``data`` in the pieces that are sent one after the other; at most 1,024."""
        size = len(data)
        if self is Way.BYTES:
            size = -(-len(data) // PIECES_MAX)
        elif self is Way.SPLIT:
            size = len(data) // 2
        return [data[start : start + max(size, 1)] for start in range(0, len(data), max(size, 1))]


class Wire:
    """One client's connection.

    Sending and receiving do not know of each other: a server that refuses and closes while we still send must not make
    us lose its answer.

    Attributes:
        stream: What has come back.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.stream = asyncio.StreamReader(BUFFER_BYTES)

    async def send(self, data: bytes, way: Way = Way.WHOLE) -> None:
        """Send ``data`` in pieces; what the server no longer wants to have is not sent."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            for piece in way.pieces(data):
                await loop.sock_sendall(self._socket, piece)
                await asyncio.sleep(0)

    def end(self) -> None:
        """Half-close: say that nothing more will be sent."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def receive(self) -> None:
        """Put everything that arrives into :attr:`stream`, until the connection ends."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while data := await loop.sock_recv(self._socket, 65_536):
                self.stream.feed_data(data)
        self.stream.feed_eof()


@contextlib.asynccontextmanager
async def connect(port: int) -> AsyncIterator[Wire]:
    """A new connection to ``port`` on 127.0.0.1, closed at the end."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(connection, ("127.0.0.1", port))
        wire = Wire(connection)
        receiving = asyncio.create_task(wire.receive())
        try:
            yield wire
        finally:
            receiving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await receiving
