"""An app on a real socket in this process, and a client whose bytes are its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

from sanic import Sanic
from sanic.models.server_types import Signal
from sanic.server.protocols.websocket_protocol import WebSocketProtocol

from velox.http import Budgets, VeloxProtocol
from velox.routing.problem import ProblemHandler

__all__ = ["Client", "Served", "new_app", "serving"]

NUMBERS = itertools.count()
WAIT_S = 5.0


def new_app() -> Sanic[Any, Any]:
    """A Sanic app with a name that no other has."""
    handler = ProblemHandler(reveal=False)
    app: Sanic[Any, Any] = Sanic(f"wire_{next(NUMBERS)}", error_handler=handler, configure_logging=False)
    app.config.update({"AUTO_EXTEND": False, "ACCESS_LOG": False, "TOUCHUP": False})
    return app


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send the pieces one after the other, each for itself."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read()

    async def until(self, end: bytes) -> bytes:
        """Everything up to ``end``."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readuntil(end)

    async def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """One answer with a Content-Length: status, fields by lower-case name, body."""
        head = (await self.until(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        async with asyncio.timeout(WAIT_S):
            body = await self.reader.readexactly(int(fields.get("content-length", "0")) if has_body else 0)
        return int(first.split(" ")[1]), fields, body


class Served:
    """A served app.

    Attributes:
        port: Where, on 127.0.0.1.
        connections: The open connections.
        signal: What says that the server stops.
    """

    def __init__(self, port: int, connections: set[Any], signal: Signal) -> None:
        self.port = port
        self.connections = connections
        self.signal = signal

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(self, request: bytes) -> bytes:
        """Everything that is answered to ``request`` on a connection of its own."""
        async with self.connect() as client:
            await client.send(request)
            return await client.rest()


@contextlib.asynccontextmanager
async def serving(
    app: Sanic[Any, Any], budgets: Budgets | None = None, *, stock: bool = False, **options: Any
) -> AsyncIterator[Served]:
    """Serve ``app`` with Velox's protocol, or with Sanic's."""
    protocol: Any = VeloxProtocol
    if budgets is not None:
        protocol = type("Budgeted", (VeloxProtocol,), {"budgets": budgets, "__slots__": ()})
    if stock:
        protocol = WebSocketProtocol
    loop = asyncio.get_running_loop()
    await app._startup()
    app.asgi = False
    await app._server_event("init", "before", loop=loop)
    connections: set[Any] = set()
    signal = Signal()
    server = await loop.create_server(
        lambda: protocol(loop=loop, app=app, connections=connections, signal=signal, **options), "127.0.0.1", 0
    )
    try:
        yield Served(server.sockets[0].getsockname()[1], connections, signal)
    finally:
        server.close()
        for connection in tuple(connections):
            connection.abort()
        async with asyncio.timeout(WAIT_S):
            while connections:  # noqa: ASYNC110 - Sanic's protocol has no event for its end
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        await app._server_event("shutdown", "after", loop=loop)
