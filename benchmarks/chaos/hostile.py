"""Clients that hold a connection for as long as a server lets them, with as little as it takes."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass, field

__all__ = ["KINDS", "Attack", "Kind", "attack"]

TINY_BYTES = 4096
READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Kind:
    """What such a client does.

    Attributes:
        opening: What it sends at once.
        drip: What it sends again and again; nothing: it waits.
        pause_s: How long it waits in between, in seconds.
        reads: Whether it reads what it is sent.
    """

    opening: bytes
    drip: bytes = b""
    pause_s: float = 1.0
    reads: bool = True


KINDS = {
    "slow head": Kind(b"GET /pid HTTP/1.1\r\nHost: chaos\r\nX: ", b"a"),
    "slow body": Kind(b"POST /body HTTP/1.1\r\nHost: chaos\r\nContent-Length: 1000000\r\n\r\n", b"a" * 10),
    "slow reader": Kind(b"GET /endless HTTP/1.1\r\nHost: chaos\r\n\r\n", reads=False),
}


@dataclass(slots=True)
class Attack:
    """What became of the clients.

    Attributes:
        closed_after_s: For each that the server closed, the seconds since its connection.
        still_open: How many it had not closed at the end.
        statuses: Of the answers that came, and how many of each.
    """

    closed_after_s: list[float] = field(default_factory=list)
    still_open: int = 0
    statuses: dict[int, int] = field(default_factory=dict)


def attack(port: int, kind: Kind, *, clients: int, for_s: float) -> Attack:
    """Hold ``clients`` connections to 127.0.0.1 until the server has closed all, or ``for_s`` seconds are over."""
    found, opened = Attack(), {}
    with select.epoll() as ready:
        for _ in range(clients):
            connection = socket.socket()
            if not kind.reads:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BYTES)
            connection.connect(("127.0.0.1", port))
            connection.setblocking(False)
            connection.send(kind.opening)
            opened[connection.fileno()] = (connection, time.monotonic())
            # Its end is seen without reading, too (EPOLLHUP, EPOLLERR).
            ready.register(connection, select.EPOLLIN if kind.reads else 0)
        until_s, next_s = time.monotonic() + for_s, time.monotonic() + kind.pause_s
        while opened and time.monotonic() < until_s:
            for descriptor, _ in ready.poll(max(0.0, min(next_s, until_s) - time.monotonic())):
                connection, since_s = opened[descriptor]
                if not (kind.reads and read(connection, found)):
                    found.closed_after_s.append(time.monotonic() - since_s)
                    ready.unregister(descriptor)
                    opened.pop(descriptor)[0].close()
            if time.monotonic() >= next_s:
                next_s += kind.pause_s
                for connection, _ in opened.values():
                    drip(connection, kind.drip)
    found.still_open = len(opened)
    for connection, _ in opened.values():
        connection.close()
    return found


def read(connection: socket.socket, found: Attack) -> bool:
    """Whether there is more to come."""
    try:
        received = connection.recv(READ_BYTES)
    except OSError:
        return False
    if received.startswith(b"HTTP/1.1 "):
        status = int(received[9:12])
        found.statuses[status] = found.statuses.get(status, 0) + 1
    return bool(received)


def drip(connection: socket.socket, data: bytes) -> None:
    try:
        connection.send(data)
    except OSError:  # it is closed; the next poll says so
        pass
