"""What stopping asks of connections, for Velox's protocol and for Sanic's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Protocol

from sanic.http.constants import Stage
from sanic.server.protocols.http_protocol import HttpProtocol

from velox.http.listener import unread_bytes

__all__ = ["Connection", "announce_close", "close_idle", "closing", "leave_streams"]


class Connection(Protocol):
    """A connection, as long as it is in the set that its constructor got as ``connections``."""

    transport: asyncio.Transport | None

    def close_if_idle(self) -> bool | None:
        """Close it if no request was begun that is not answered. A websocket starts its closing handshake (1001)."""

    def abort(self) -> None:
        """Cut it."""


def announce_close(connections: Iterable[Connection]) -> None:
    """Let stock connections say ``Connection: close`` from now on; Velox's own read :class:`~velox.http.drain.Drain`.

    A response whose head was sent with ``keep-alive`` already keeps its word: the next one on that connection closes.
    """
    for connection in connections:
        if isinstance(connection, HttpProtocol):
            if connection.http is not None and connection.http.stage is Stage.HANDLER:
                connection.http.keep_alive = False
            closing(connection)


def closing(connection: Any) -> Any:
    """``connection``, whose next responses close it if it is a stock one."""
    if isinstance(connection, HttpProtocol):
        connection.request_handler = partial(_answer_and_close, connection.request_handler)
    return connection


async def _answer_and_close(handle: Callable[[Any], Awaitable[None]], request: Any) -> None:
    request.stream.keep_alive = False
    await handle(request)


def leave_streams(connections: Iterable[Connection]) -> None:
    """End what would never end by itself: WebSockets start their closing handshake, event streams are complete.

    Their clients come back, and find a server that stays. Of stock connections it is the WebSockets only.
    """
    for connection in tuple(connections):
        if getattr(connection, "websocket", None) is not None:
            connection.close_if_idle()
        elif (leave := getattr(connection, "leave_stream", None)) is not None:
            leave()


def close_idle(connection: Connection) -> None:
    """Close it if it is idle and nothing of a next request has arrived."""
    transport = connection.transport
    if transport is None or transport.is_closing() or getattr(connection, "recv_buffer", None):
        return
    taken = transport.get_extra_info("socket")
    try:
        if unread_bytes(taken.fileno()):
            return
    except OSError:  # the client was faster
        return
    connection.close_if_idle()
