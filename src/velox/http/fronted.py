"""The protocol with the security headers of the app's front in every head."""

from __future__ import annotations

from typing import Any, ClassVar

from velox.http.front import Front
from velox.http.protocol import VeloxProtocol

__all__ = ["FrontProtocol", "fronted"]


class FrontProtocol(VeloxProtocol):
    """A connection of an app that has a ``front``."""

    __slots__ = ()
    writes_front_headers: ClassVar[bool] = True

    def _connection(self) -> bytes:
        """The fields that are not the response's own: they join the head in its one write."""
        app: Any = self.app
        front: Front = app.front
        response: Any = self.stream.response
        secure = front.headers.looks_at_scheme and front.is_secure(self.stream.request)
        return super()._connection() + front.headers.lines(response.headers, secure=secure)


def fronted(protocol: type[Any]) -> type[Any]:
    """``protocol`` with the front's headers; one that is not Velox's as it is, since it writes its heads itself."""
    if not issubclass(protocol, VeloxProtocol) or issubclass(protocol, FrontProtocol):
        return protocol
    if protocol is VeloxProtocol:
        return FrontProtocol
    return type(protocol.__name__, (FrontProtocol, protocol), {"__module__": protocol.__module__})
