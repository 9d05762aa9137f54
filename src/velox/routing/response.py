"""The response of nearly every handler: JSON with Sanic's three usual headers."""

from __future__ import annotations

from collections.abc import Iterator

from sanic.compat import Header
from sanic.response import HTTPResponse

__all__ = ["JsonResponse"]

JSON = "application/json"
JSON_HEADER = (b"content-type", JSON.encode())
CONNECTION = {"keep-alive": (b"connection", b"keep-alive"), "close": (b"connection", b"close")}


class JsonResponse(HTTPResponse):
    """``body`` as ``application/json``: Sanic's own response, made and written with less ado.

    Args:
        body: The JSON.
        status: The status.
    """

    __slots__ = ()

    def __init__(self, body: bytes, status: int) -> None:
        # Sanic's initialisers set all this twice: 2.3 µs instead of 0.7.
        self.asgi = False
        self.body = body
        self.content_type = JSON
        self.stream = None
        self.status = status
        self.headers = Header()
        self._cookies = None

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """The headers as bytes; Sanic calls it after it has set length and connection itself."""
        headers = self.headers
        # Sanic cleans every header of line breaks, for 7.3 µs. When there are none but its own there is nothing to
        # clean: 1.3 µs.
        if len(headers) == 2 and self.content_type == JSON:
            length, connection = headers.get("content-length"), CONNECTION.get(headers.get("connection", ""))
            if type(length) is int and connection is not None:
                return iter(((b"content-length", b"%d" % length), connection, JSON_HEADER))
        return super().processed_headers
