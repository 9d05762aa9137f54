"""Where the front's rules, and files that are served as they are, meet Sanic's app."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sanic import Sanic
from sanic.config import Config
from sanic.middleware import Middleware, MiddlewareLocation
from sanic.models.futures import FutureRoute, FutureStatic
from sanic.request import Request
from sanic_routing.route import Route

from velox._wire import WireSettings
from velox.http.cors import CrossOrigin
from velox.http.front import Front
from velox.http.meter import Meter
from velox.http.static import StaticFiles
from velox.settings import Settings

__all__ = ["FrontedApp"]

FIRST = 2**31
"""A priority that no middleware of a project comes before."""


class FrontedApp(Sanic[Config, SimpleNamespace]):
    """A Sanic app that knows its own names and its proxies, and whose answers have security headers.

    Attributes:
        front: The rules, made from the settings.
        meter: Counts requests; ``None`` when it has not started, or nobody wants it.
    """

    __slots__ = ("_served", "_wire", "front", "meter")

    def set_up_front(self, settings: Settings) -> None:
        """Make the rules; to be called once, before any route is added."""
        self.front = Front(settings)
        self.meter: Meter | None = None
        self._wire: WireSettings = settings
        self._served: list[Route] = []
        # Sanic believes proxies by itself when these are set, as SANIC_ variables do: one of us has to decide.
        self.config.update({"FORWARDED_SECRET": None, "PROXIES_COUNT": None, "REAL_IP_HEADER": None})

    def set_up_cors(self, settings: Settings) -> None:
        """Let other sites' pages use the app, if there are any that may."""
        if settings.cors_origins:
            rules = CrossOrigin(settings)
            self.register_middleware(rules.preflight, "request", priority=FIRST - 1)
            self.register_middleware(rules.add_headers, "response", priority=-FIRST + 1)

    def prepare(self, *args: Any, protocol: type[Any] | None = None, **named: Any) -> None:
        """As Sanic's; Velox's protocol writes the security headers by itself."""
        if protocol is not None:
            from velox.http.fronted import fronted

            protocol = fronted(protocol, self.front, self._wire)
        super().prepare(*args, protocol=protocol, **named)

    def finalize(self) -> None:
        """Put the rules before the handlers of all routes. Called by Sanic when the app starts."""
        if self.front.examines:
            for route in self._served:
                route.handler = self.front.guarded(route.handler)
            self._examine_first()
        self._served.clear()
        if not self._writes_headers() and self.front.add_headers not in map(function, self.response_middleware):
            self.response_middleware.append(Middleware(self.front.add_headers, MiddlewareLocation.RESPONSE, -FIRST))
        super().finalize()

    def _examine_first(self) -> None:
        """Before a project's own middleware too. Where there is none, none is added: an app keeps its straight way."""
        for middlewares in (self.request_middleware, *self.named_request_middleware.values()):
            if middlewares and self.front.check not in map(function, middlewares):
                middlewares.append(Middleware(self.front.check, MiddlewareLocation.REQUEST, FIRST))

    def _writes_headers(self) -> bool:
        """Whether the protocol that the app is prepared for adds the headers to the bytes that it sends."""
        protocols = [info.settings.get("protocol") for info in self.state.server_info]
        return bool(protocols) and all(hasattr(protocol, "writes_front_headers") for protocol in protocols)

    async def handle_exception(self, request: Request, exception: BaseException, run_middleware: bool = True) -> None:
        """Answer an error; where no handler was reached (404, 405, 413), the rules are applied here."""
        problem = self.front.examine(request) if self.front.examines else None
        if problem is None:
            await super().handle_exception(request, exception, run_middleware)
        else:
            await super().handle_exception(request, problem, run_middleware=False)

    def _apply_route(self, route: FutureRoute, overwrite: bool = False) -> list[Route]:
        routes = super()._apply_route(route, overwrite)
        self._served += routes
        return routes

    def _apply_static(self, static: FutureStatic) -> Route:
        """Serve a file, or all files of a folder; see :class:`~velox.http.static.StaticFiles`."""
        files = StaticFiles(static)
        below = static.uri.rstrip("/")
        if files.is_file:
            return self._serve(static, static.uri, static.name, files)
        if files.answers_folders:
            self._serve(static, below + "/", f"{static.name}_folder", files)
        return self._serve(static, f"{below}/<__file_uri__:path>", static.name, files)

    def _serve(self, static: FutureStatic, uri: str, name: str, files: StaticFiles) -> Route:
        # Not as a handler of Velox's: its signature is Sanic's, and it reads the path as it came.
        register: Any = super().route(
            uri, ["GET", "HEAD"], static.host, static.strict_slashes, name=name, static=True, unquote=False
        )
        route: Route = register(files.serve)[0]
        return route


def function(middleware: Any) -> Any:
    return getattr(middleware, "func", middleware)
