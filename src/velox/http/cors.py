"""Cross-origin requests: which other sites' pages may use the app from a browser (Fetch standard, section 3.2).

Off until an origin is named. Then a preflight is answered here, whatever the route says to OPTIONS, and every answer
says in ``Vary`` that it depends on who asked, so that no cache hands one origin's permission to another.
"""

from __future__ import annotations

from typing import Any, Final

from sanic.response import HTTPResponse

from velox.errors import ConfigurationError, Forbidden
from velox.settings import Settings

__all__ = ["CrossOrigin"]

ANY: Final = "*"
METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
"""Of a permission that names no single request: which of them a path has, its own answer says."""


class CrossOrigin:
    """The rules, made once from an app's settings.

    Args:
        settings: The app's; ``cors_origins`` is not empty.

    Raises:
        ConfigurationError: VX302, all sites may send cookies.
    """

    __slots__ = ("_any", "_credentials", "_exposed", "_headers", "_max_age", "_origins")

    def __init__(self, settings: Settings) -> None:
        self._origins = frozenset(settings.cors_origins)
        self._any = ANY in self._origins
        self._credentials = settings.cors_credentials
        if self._any and self._credentials:
            # Browsers refuse it. Who mends that by echoing the origin gives every site its visitors' sessions.
            raise ConfigurationError(
                "VX302",
                f"cors_credentials ({settings.source_of('cors_credentials')}) does not go with cors_origins = *",
                hint="Name the origins: cors_origins = https://app.example.com",
            )
        self._headers = ", ".join(settings.cors_headers)
        self._exposed = ", ".join(settings.cors_exposed_headers)
        self._max_age = f"{settings.cors_max_age_s:.0f}"

    def preflight(self, request: Any) -> HTTPResponse | None:
        """Answer a browser that asks before it sends; as a request middleware.

        Raises:
            Forbidden: It asks for an origin that is not allowed.
        """
        headers = request.headers
        if request.method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        if not self.allows(headers.get("origin")):
            raise Forbidden("This origin is not allowed: see the setting cors_origins.")
        answer = {
            "access-control-allow-methods": METHODS,
            "access-control-allow-headers": self._headers,
            "access-control-max-age": self._max_age,
            "vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
        }
        return HTTPResponse(status=204, headers=answer)

    def add_headers(self, request: Any, response: Any) -> None:
        """Say who may read the answer; as a response middleware."""
        headers = response.headers
        if self._any:
            headers["access-control-allow-origin"] = ANY
        else:
            headers["vary"] = ", ".join(filter(None, (headers.get("vary"), "Origin")))
            origin = request.headers.get("origin")
            if not self.allows(origin):
                return
            headers["access-control-allow-origin"] = origin
            if self._credentials:
                headers["access-control-allow-credentials"] = "true"
        if self._exposed and request.method != "OPTIONS":
            headers["access-control-expose-headers"] = self._exposed

    def allows(self, origin: str | None) -> bool:
        """Whether pages of ``origin`` may use the app; ``null``, a page without one, never may."""
        return origin is not None and (self._any or origin in self._origins)
