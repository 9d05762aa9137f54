"""Clients that note what became of every request."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

from benchmarks.load import exchange

__all__ = ["Traffic"]

TIMEOUT_S = 10.0
PAUSE_S = 0.002


class Traffic:
    """Clients that send one request after the other; a context manager.

    A request is lost if its client was let in and did not get a whole answer with status 200. A connection that is
    refused took no request, and is counted apart.

    Args:
        port: Of a server on 127.0.0.1.
        keep_alive: Whether a connection is kept until the server says ``Connection: close``, or made for each request.
        clients: How many there are.

    Attributes:
        answered: Requests with a whole answer.
        announced: Answers that said ``Connection: close`` though the client had not asked for it.
        refused: Attempts to connect that were turned away.
        lost: What happened to the requests that were lost.
    """

    def __init__(self, port: int, *, keep_alive: bool, clients: int = 8) -> None:
        self.answered = self.announced = self.refused = 0
        self.lost: list[str] = []
        self._address = ("127.0.0.1", port)
        self._keep_alive = keep_alive
        fields = "Host: chaos\r\n" if keep_alive else "Host: chaos\r\nConnection: close\r\n"
        self._request = f"GET /work HTTP/1.1\r\n{fields}\r\n".encode()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._clients = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for client in self._clients:
            client.join()

    def _run(self) -> None:
        connection: socket.socket | None = None
        while not self._over.wait(PAUSE_S):
            connection = connection or self._connect()
            if connection is not None:
                connection = self._ask(connection)
        if connection is not None:
            connection.close()

    def _connect(self) -> socket.socket | None:
        try:
            return socket.create_connection(self._address, timeout=TIMEOUT_S)
        except OSError:
            with self._lock:
                self.refused += 1
            return None

    def _ask(self, connection: socket.socket) -> socket.socket | None:
        """One request. Returns the connection if it can be used again."""
        try:
            answer = exchange(connection, self._request)
        except OSError as error:
            with self._lock:
                self.lost.append(repr(error))
            connection.close()
            return None
        closes = answer.headers.get("connection", "").lower() == "close"
        with self._lock:
            if answer.status == 200:
                self.answered += 1
            else:
                self.lost.append(f"status {answer.status}")
            self.announced += closes and self._keep_alive
        if self._keep_alive and not closes:
            return connection
        connection.close()
        return None
