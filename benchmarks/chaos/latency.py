"""How long usual requests take while something else happens."""

from __future__ import annotations

import socket
import threading
import time
from statistics import median
from types import TracebackType
from typing import Self

from benchmarks.load import exchange

__all__ = ["Latency"]

REQUEST = b"GET /pid HTTP/1.1\r\nHost: chaos\r\n\r\n"
PAUSE_S = 0.002
TIMEOUT_S = 10.0
SLICE = 300


class Latency:
    """One client that asks some hundred times a second; a context manager.

    Args:
        port: Of a server on 127.0.0.1.

    Attributes:
        took_s: What each request took, in seconds.
        failed: What happened to the others.
    """

    def __init__(self, port: int) -> None:
        self.took_s: list[float] = []
        self.failed: list[str] = []
        self._address = ("127.0.0.1", port)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def p99_s(self) -> float:
        """The time that 99 of 100 requests took at most, in seconds."""
        return p99(self.took_s)

    def usual_p99_s(self) -> float:
        """The median of that over slices of some hundred requests, without what other programs did once."""
        slices = [self.took_s[at : at + SLICE] for at in range(0, len(self.took_s), SLICE)]
        return median(p99(each) for each in slices if len(each) == SLICE or len(slices) == 1)

    def _run(self) -> None:
        with socket.create_connection(self._address, timeout=TIMEOUT_S) as connection:
            while not self._over.wait(PAUSE_S):
                began_s = time.perf_counter()
                try:
                    answer = exchange(connection, REQUEST)
                except OSError as error:
                    self.failed.append(repr(error))
                    return
                self.took_s.append(time.perf_counter() - began_s)
                if answer.status != 200:
                    self.failed.append(f"status {answer.status}")


def p99(took_s: list[float]) -> float:
    return sorted(took_s)[int(len(took_s) * 0.99)]
