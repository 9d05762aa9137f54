"""An answer whose header fields were written before: for what is answered again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sanic.compat import Header
from sanic.response import HTTPResponse

from velox.http.response import field

__all__ = ["PreparedResponse", "prepared_lines"]


def prepared_lines(fields: Mapping[str, str]) -> bytes:
    """The lines of a head for ``fields``, which are neither the connection's nor ``Content-Type``."""
    return b"".join([field(name, value) for name, value in fields.items()])


class PreparedResponse(HTTPResponse):
    """``body`` with ``fields``, of which ``lines`` are already made.

    Velox' protocol sends the lines as they are. Whoever looks at ``headers``, to add one or to write them otherwise,
    gets them as in any response, and then those count.

    Args:
        body, status, content_type: As of any response.
        fields: The header fields.
        lines: What :func:`prepared_lines` made of them.
    """

    __slots__ = ("_fields", "_made", "lines")

    def __init__(
        self, body: bytes, status: int, content_type: str | None, fields: Mapping[str, str], lines: bytes
    ) -> None:
        # Sanic's initialisers set all this twice.
        self.asgi = False
        self.body = body
        self.content_type = content_type
        self.stream = None
        self.status = status
        self._cookies = None
        self._fields = fields
        self._made: Header | None = None
        self.lines: bytes | None = lines

    @property
    def headers(self) -> Header:
        """The header fields; from now on they, and not the lines, are what is sent."""
        if self._made is None:
            self._made = Header(self._fields)
            self.lines = None
        return self._made

    @headers.setter
    def headers(self, headers: Any) -> None:
        self._made, self.lines = headers, None
