"""The protocol with the security headers of the app's front in every head."""

from __future__ import annotations

from typing import Any, ClassVar

from sanic.compat import Header
from sanic.response import BaseHTTPResponse

from velox._request_id import HEADER
from velox._wire import WireSettings
from velox.http.budgets import Budgets
from velox.http.front import Front
from velox.http.protocol import VeloxProtocol
from velox.http.request import identity_line

__all__ = ["FrontProtocol", "fronted"]

NO_FIELDS = Header()


class FrontProtocol(VeloxProtocol):
    """A connection of an app that has a ``front``."""

    __slots__ = ()
    writes_front_headers: ClassVar[bool] = True
    front: ClassVar[Front]
    # Called by this name it costs a third of what super() does.
    _own_connection = VeloxProtocol._connection

    def connection_made(self, transport: Any) -> None:
        """A client connected: what all its answers have in common is known now."""
        self.usual = self.front.usual(transport)
        super().connection_made(transport)

    def _connection(self, response: BaseHTTPResponse) -> bytes:
        """The fields that are not the response's own: they join the head in its one write."""
        # What was prepared has none of these fields itself.
        headers = response.headers if getattr(response, "lines", None) is None else NO_FIELDS
        lines = self.usual
        if lines is None or headers:
            front = self.front
            secure = front.headers.looks_at_scheme and front.is_secure(self.stream.request)
            lines = front.headers.lines(headers, secure=secure)
        if self.names_requests and HEADER not in headers:
            lines += identity_line(self.stream.request)
        return self._own_connection(response) + lines

    def _refusal_fields(self) -> bytes:
        """The same for an answer to what is no request."""
        return self.front.headers.lines(NO_FIELDS, secure=bool(self.conn_info is not None and self.conn_info.ssl))


def fronted(protocol: type[Any], front: Front, settings: WireSettings) -> type[Any]:
    """``protocol`` with the headers of ``front`` and the budgets of ``settings``, if it has none of its own.

    One that is not Velox's is returned as it is: it writes its heads itself.
    """
    if not issubclass(protocol, VeloxProtocol) or issubclass(protocol, FrontProtocol):
        return protocol
    bases = (FrontProtocol,) if protocol is VeloxProtocol else (FrontProtocol, protocol)
    own: dict[str, Any] = {"front": front, "names_requests": front.names_requests, "__slots__": ()}
    if protocol.budgets is VeloxProtocol.budgets:
        own["budgets"] = Budgets.of(settings)
    if protocol.server_header is VeloxProtocol.server_header:
        own["server_header"] = settings.server_header
    return type(protocol.__name__, bases, own)
