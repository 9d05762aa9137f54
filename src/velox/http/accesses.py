"""The access log of production: a line of JSON for each request, and one write for many lines."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any, NamedTuple, TextIO

import msgspec
from sanic import Request
from sanic.log import access_logger
from sanic.logging.filter import VerbosityFilter

from velox.http.request import identity_of

__all__ = ["FULL_LINES", "Accesses", "LogAccess", "direct_log"]

LogAccess = Callable[[Any, Any, float, float], None]
"""``(request, response, started_s, ended_s)``, both by :func:`time.perf_counter`."""

LATEST_S = 0.1
"""How long a line waits for others, in seconds."""
FULL_LINES = 256
"""So many are written at once: 0.3 ms in which no request is answered, and about 64 KiB. With :data:`LATEST_S`, the
most that a killed process takes with it."""


class Access(NamedTuple):
    """What is noted of a request. Times in seconds, by :func:`time.perf_counter`; ``length`` in bytes, ``None`` for a
    body that was streamed; an empty ``ip`` for a Unix socket."""

    ended_s: float
    started_s: float | None
    message: str
    status: int
    length: int | None
    ip: str
    port: int
    request_id: str | None


class Line(msgspec.Struct, gc=False):
    """A line's fields, in their order; ``time`` by RFC 3339, in UTC."""

    time: str
    level: str
    logger: str
    message: str
    pid: int
    request_id: str | None
    status: int
    bytes: int | None
    duration_ms: float | None
    client: str


class Accesses(logging.Handler):
    """Keeps what is to be said of requests, and writes it together when it is much or the first has waited for 0.1 s.

    Between the two, a request costs a tuple. A log record for each, as other handlers of ``sanic.access`` get it, costs
    ten times as much, and a write for each would let every request wait for whoever reads the log. Where no loop runs
    there is nothing to wait with, and a line is written at once.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._kept: list[Any] = []  # of what Access names; a named tuple costs 0.2 µs more to make
        self._encoder = msgspec.json.Encoder()

    def noting(self, *, behind_proxies: bool) -> LogAccess:
        """What notes a request without a log record.

        Args:
            behind_proxies: Whether a proxy may have said who the client is; else it is the connection's.
        """
        kept = self._kept
        append = kept.append

        def note(request: Any, response: Any, started_s: float, ended_s: float) -> None:
            peer = request.conn_info
            ip = request.client_ip if behind_proxies else peer.client_ip
            status, length = (0, 0) if response is None else (response.status, length_of(response))
            name, port = identity_of(request), peer.client_port
            message = f"{request.method} {request.raw_url.decode('utf-8', 'replace')}"
            append((ended_s, started_s, message, status, length, ip, port, name))
            count = len(kept)
            if count == 1:
                self._write_later()
            elif count >= FULL_LINES:
                self.flush()

        return note

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what ``record`` tells: Sanic's own protocol makes one, and Velox' does where others want one."""
        given = vars(record)
        ip, _, port = str(given.get("host", "")).rpartition(":")
        length, duration_ms, name = given.get("byte"), given.get("duration_ms"), given.get("request_id")
        request: Request[Any, Any] | None = Request._current.get(None)
        ended_s = perf_counter() - time() + record.created
        self._kept.append(
            Access(
                ended_s=ended_s,
                started_s=None if duration_ms is None else ended_s - duration_ms / 1000,
                message=str(given.get("target") or given.get("request") or record.getMessage()),
                status=given.get("status", 0),
                length=length if isinstance(length, int) else None,
                ip=ip,
                port=int(port) if port.isdecimal() else 0,
                request_id=name if name is not None or request is None else str(request.id),
            )
        )
        if len(self._kept) == 1:
            self._write_later()
        elif len(self._kept) >= FULL_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what is kept. Called by ``logging.shutdown()``, too."""
        self.acquire()
        try:
            count = len(self._kept)
            kept = self._kept[:count]
            del self._kept[:count]  # the list stays the same one: another thread may be adding to it
            if kept:
                self._stream.write(self._encoder.encode_lines(lines_of(kept)).decode())
                self._stream.flush()
        except Exception:  # noqa: BLE001 - said on stderr, as of any record that cannot be written
            self.handleError(logging.makeLogRecord({"name": access_logger.name, "msg": "lines of the access log"}))
        finally:
            self.release()

    def _write_later(self) -> None:
        try:
            asyncio.get_running_loop().call_later(LATEST_S, self.flush)
        except RuntimeError:
            self.flush()


def direct_log(*, behind_proxies: bool) -> LogAccess | None:
    """What notes requests without log records; ``None`` when somebody else wants records too, or filters them."""
    has_filters = any(not isinstance(each, VerbosityFilter) for each in access_logger.filters)  # Sanic's lets all pass
    if access_logger.propagate or has_filters or not access_logger.isEnabledFor(logging.INFO):
        return None
    match access_logger.handlers:
        case [Accesses() as log] if not log.filters:
            return log.noting(behind_proxies=behind_proxies)
        case _:
            return None


def length_of(response: Any) -> int | None:
    body = getattr(response, "body", None)
    if body:
        return len(body)
    return None if response.headers.get("transfer-encoding") == "chunked" else 0


def lines_of(kept: list[Any]) -> list[Line]:
    """The lines; a second's beginning is made once."""
    since_s, pid, lines = time() - perf_counter(), os.getpid(), []
    second, begin = -1, ""
    for ended_s, started_s, message, status, length, ip, port, request_id in kept:
        now_ms = int(1000 * (since_s + ended_s))
        if now_ms // 1000 != second:
            second = now_ms // 1000
            begin = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        lines.append(
            Line(
                f"{begin}{now_ms % 1000:03d}Z",
                "info",
                access_logger.name,
                message,
                pid,
                request_id,
                status,
                length,
                None
                if started_s is None
                else int(1e6 * (ended_s - started_s) + 0.5) / 1000,  # half of what round() costs
                f"{ip}:{port}" if ip else "unix",
            )
        )
    return lines
