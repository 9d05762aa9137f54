"""Which route a request belongs to, and whether its handler may be called straight."""

from __future__ import annotations

from typing import Any

from sanic import Sanic

from velox.extension import ENDPOINT_MARK
from velox.http.middleware import around
from velox.http.tree import grow

__all__ = ["Found", "Match", "RouteFinder"]

MAX_CACHED = 4096
Found = tuple["Match", dict[str, Any]]


class Match:
    """A route, as far as the wire has to know it.

    Attributes:
        route: Sanic's route.
        handler: What to call: the route's handler, with its middleware around it when it is called straight.
        is_straight: Whether the handler is an endpoint of Velox's that nothing of Sanic's has to be around.
        is_stream: Whether the handler reads the body itself, piece by piece.
        is_whole: Whether the body has to be there, whole, before the handler is called.
        body_bytes: The route's own limit of a body; ``None``: the common one.
    """

    __slots__ = ("body_bytes", "handler", "is_straight", "is_stream", "is_whole", "route")

    def __init__(self, route: Any, *, may_go_straight: bool) -> None:
        extra, handler = route.extra, route.handler
        self.route = route
        self.body_bytes: int | None = getattr(handler, ENDPOINT_MARK, None)
        self.is_stream = hasattr(handler, "is_stream")
        self.is_whole = not (self.is_stream or extra.ignore_body)
        self.is_straight = may_go_straight and self.body_bytes is not None
        if self.is_straight:
            handler = around(handler, extra.request_middleware, extra.response_middleware)
        self.handler = handler


class RouteFinder:
    """Finds routes as Sanic's router does, and remembers those of paths without parameters.

    A remembered answer costs 0.1 µs, one of the :mod:`tree <velox.http.tree>` 0.9, one of Sanic's router 2.5: its own
    cache is of no use for paths with ids.

    Args:
        app: The app, started.
        may_go_straight: Whether the app allows it at all: nobody listens to signals of a request.

    Attributes:
        built_for: The search that Sanic's router has made of its routes; it makes another when routes are added.
    """

    __slots__ = ("_is_needed", "_matches", "_may_go_straight", "_paths", "_router", "_tree", "built_for")

    def __init__(self, app: Sanic[Any, Any], *, may_go_straight: bool) -> None:
        router = app.router
        self._router = router
        self.built_for: Any = router.find_route
        self._tree = grow(router)
        self._paths: dict[tuple[str, bytes], Match] = {}
        self._matches: dict[int, Match] = {}
        self._may_go_straight = may_go_straight
        by_host = any(route.requirements for route in router.routes)
        # Where no handler is ours, or the host decides, Sanic finds the route by itself.
        self._is_needed = not by_host and any(hasattr(route.handler, ENDPOINT_MARK) for route in router.routes)

    def find(self, method: str, target: bytes) -> Found | None:
        """The route for ``target`` and the path's values; ``None`` when there is none, and Sanic has to say so."""
        if not self._is_needed:
            return None
        path = target.partition(b"?")[0]
        known = self._paths.get((method, path))
        if known is not None:
            return known, {}
        text = path.decode()
        pieces = text[1:].split("/")
        try:
            # Sanic's search too looks among the static paths first.
            found = None if tuple(pieces) in self._router.static_routes else self._tree.find(pieces, method)
            if found is not None:
                return self._match(found[0]), found[1]
        except ValueError:  # a value that is none of its kind
            pass
        try:
            route, _, values = self._router.resolve(path=text, method=method)
        except Exception:  # noqa: BLE001 - whatever it is, Sanic meets it again in handle_request, and answers it
            return None
        match = self._match(route)
        if not route.params and len(self._paths) < MAX_CACHED:
            self._paths[method, path] = match
        return match, values

    def _match(self, route: Any) -> Match:
        match = self._matches.get(id(route))  # a Route cannot be hashed; the router keeps it
        if match is None:
            match = self._matches[id(route)] = Match(route, may_go_straight=self._may_go_straight)
        return match
