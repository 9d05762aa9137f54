"""Answers as bytes: what can be made once is made once."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Any

from sanic.compat import Header
from sanic.response import BaseHTTPResponse

from velox.errors import phrase

__all__ = ["HeadWriter", "has_body", "is_status"]

NOTHING_ALLOWED = str.maketrans("", "", "\r\n\0")
BODYLESS = frozenset({204, 304})
OURS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
"""Fields that only the connection and the worker know; a handler's own are not sent."""
CLOSE = b"Connection: close\r\n"
KEEP_ALIVE = b"Connection: keep-alive\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def has_body(status: int) -> bool:
    """Whether an answer of ``status`` has content (RFC 9110, sections 15.3.5 and 15.4.5)."""
    return status not in BODYLESS


def is_status(status: Any) -> bool:
    """Whether ``status`` can be that of an answer which ends a request."""
    return status.__class__ is int and 200 <= status <= 999


@lru_cache(maxsize=512)
def status_line(status: int) -> bytes:
    try:
        reason = phrase(status)
    except ValueError:  # a status that is not HTTP's; a reason is not needed (RFC 9112, section 4)
        reason = ""
    return f"HTTP/1.1 {status} {reason}\r\n".encode()


@lru_cache(maxsize=1024)
def start(status: int, content_type: str | None) -> bytes:
    """Status line and content type: of the few pairs that an app has, 0.7 µs each but once."""
    if content_type is None or not has_body(status):
        return status_line(status)
    return status_line(status) + field("Content-Type", content_type)


@lru_cache(maxsize=1024)
def field(name: str, value: str) -> bytes:
    """A header field. CR, LF and NUL are left out: they would end it and begin another (RFC 9110, section 5.5)."""
    clean_name, clean_value = name.translate(NOTHING_ALLOWED), value.translate(NOTHING_ALLOWED)
    return f"{clean_name}: {clean_value}\r\n".encode(errors="surrogateescape")


def own_fields(headers: Header) -> bytes:
    """A response's own header fields, without ours and without ``Content-Type``."""
    lines = [
        field(name, value if type(value) is str else str(value))
        for name, value in headers.items()
        if (lower := name.lower()) not in OURS and lower != "content-type"
    ]
    return b"".join(lines)


class HeadWriter:
    """Makes the heads of a worker's answers.

    Args:
        server: The ``Server`` field; ``None`` sends none.
    """

    __slots__ = ("_server", "_until_s", "common")

    def __init__(self, server: str | None = "velox") -> None:
        self._server = field("Server", server) if server else b""
        self._until_s = 0.0
        self.common = b""
        """``Date``, ``Server`` and the empty line that ends a head; see :meth:`refresh`."""

    def refresh(self) -> bytes:
        """``common`` with the present time: the date has seconds, so it is made once a second (RFC 9110, 6.6.1)."""
        now_s = time()
        if now_s >= self._until_s:
            self._until_s = float(int(now_s) + 1)
            self.common = f"Date: {formatdate(now_s, usegmt=True)}\r\n".encode() + self._server + b"\r\n"
        return self.common

    def whole(self, response: BaseHTTPResponse, body: bytes, *, connection: bytes, head_only: bool) -> bytes:
        """Head and body of an answer that is sent in one piece.

        Args:
            response: The response.
            body: Its body.
            connection: The ``Connection`` field, or nothing.
            head_only: The request's method was HEAD: the same head, without the body.
        """
        status, content_type = response.status, response.content_type
        headers: Any = None
        if (lines := getattr(response, "lines", None)) is not None:
            connection += lines
        elif headers := response.headers:
            content_type = headers.get("content-type", content_type)
            connection += own_fields(headers)
        if status in BODYLESS:
            return b"%b%b%b" % (start(status, None), connection, self.refresh())
        size = len(body)
        if head_only:
            size, body = declared_length(headers, size), b""
        return b"%bContent-Length: %d\r\n%b%b%b" % (
            start(status, content_type),
            size,
            connection,
            self.refresh(),
            body,
        )

    def opening(self, response: BaseHTTPResponse, *, connection: bytes, framing: bytes) -> bytes:
        """The head of an answer whose body follows piece by piece.

        Args:
            framing: ``Content-Length`` or ``Transfer-Encoding``; nothing when the body ends with the connection.
        """
        headers = response.headers
        content_type = headers.get("content-type", response.content_type)
        return start(response.status, content_type) + framing + connection + own_fields(headers) + self.refresh()


def declared_length(headers: Any, size: int) -> int:
    """What a HEAD answer's Content-Length is: what the handler says of a body that it did not make."""
    declared = headers.get("content-length") if headers else None
    return int(declared) if declared is not None and str(declared).isdigit() else size
