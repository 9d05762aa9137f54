"""A client that keeps a server busy, and is not what limits it: about 5 µs a request on one core.

It takes what every answer of one request has in common, its length, from the first answer, and afterwards only counts
bytes; requests are not pipelined. Whether answers are right is checked before, by :func:`exchange`.
"""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass

__all__ = ["Answer", "Load", "exchange"]

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP/1.1 answer with a Content-Length."""

    status: int
    headers: dict[str, str]
    body: bytes
    size_bytes: int
    """With its head."""


def exchange(connection: socket.socket, request: bytes) -> Answer:
    """Send ``request`` and read the answer.

    Raises:
        ConnectionError: The server hung up.
    """
    connection.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += _some(connection)
    return Answer(int(first.split()[1]), headers, body, len(head) + 4 + len(body))


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(CHUNK_BYTES)
    if not received:
        raise ConnectionError("the server hung up")
    return received


class Load:
    """Keep-alive connections that all send the same request, again as soon as it is answered.

    Args:
        port: Of a server on 127.0.0.1.
        request: The whole request, head and body.
        connections: How many there are.
    """

    def __init__(self, port: int, request: bytes, connections: int = 32) -> None:
        self._request = request
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        for connection in self._sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Each connection is used once before anything is measured: what a connection costs is not a request's.
        self._size_bytes = {exchange(connection, request).size_bytes for connection in self._sockets}.pop()

    def run(self, duration_s: float) -> int:
        """Send for ``duration_s`` and wait for what is under way; the number of answers.

        Raises:
            ConnectionError: The server hung up, or an answer had another length or was an error.
        """
        request, size_bytes = self._request, self._size_bytes
        by_descriptor = {connection.fileno(): connection for connection in self._sockets}
        missing = dict.fromkeys(by_descriptor, size_bytes)
        answered, busy = 0, len(by_descriptor)
        deadline_s = time.monotonic() + duration_s
        with select.epoll() as ready:
            for descriptor, connection in by_descriptor.items():
                ready.register(descriptor, select.EPOLLIN)
                connection.sendall(request)
            while busy:
                late = time.monotonic() > deadline_s
                for descriptor, _ in ready.poll():
                    connection = by_descriptor[descriptor]
                    received = connection.recv(CHUNK_BYTES)
                    if missing[descriptor] == size_bytes and not received.startswith(b"HTTP/1.1 20"):
                        raise ConnectionError(f"not an answer: {received[:200]!r}")
                    missing[descriptor] -= len(received)
                    if missing[descriptor] < 0 or not received:
                        raise ConnectionError("an answer had another length, or none")
                    if missing[descriptor]:
                        continue
                    missing[descriptor] = size_bytes
                    answered += 1
                    if late:
                        busy -= 1
                    else:
                        connection.sendall(request)
        return answered

    def close(self) -> None:
        """Hang up."""
        for connection in self._sockets:
            connection.close()
