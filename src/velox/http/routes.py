"""Which route a target belongs to, and whether its handler may be called straight."""

from __future__ import annotations

from typing import Any

from sanic import Sanic

from velox.extension import ENDPOINT_MARK

__all__ = ["Found", "Match", "RouteFinder"]

MAX_CACHED = 4096
Found = tuple["Match", dict[str, Any]]


class Match:
    """A route, as far as the wire has to know it.

    Attributes:
        route: Sanic's route.
        handler: What to call.
        is_straight: Whether the handler is an endpoint of Velox's that nothing of Sanic's has to be around.
        is_stream: Whether the handler reads the body itself, piece by piece.
        is_whole: Whether the body has to be there, whole, before the handler is called.
        body_bytes: The route's own limit of a body; ``None``: the common one.
        values: Where the path's values are among what Sanic's router finds, and their names; ``None`` when it is not as
            simple as that.
    """

    __slots__ = ("body_bytes", "handler", "is_straight", "is_stream", "is_whole", "route", "values")

    def __init__(self, route: Any, handler: Any, *, may_go_straight: bool) -> None:
        extra = route.extra
        self.route = route
        self.handler = handler
        self.body_bytes: int | None = getattr(handler, ENDPOINT_MARK, None)
        self.is_stream = hasattr(handler, "is_stream")
        self.is_whole = not (self.is_stream or extra.ignore_body)
        self.is_straight = (
            may_go_straight
            and self.body_bytes is not None
            and not extra.request_middleware
            and not extra.response_middleware
        )
        named = tuple((index, parameter.name) for index, parameter in route.params.items())
        self.values = None if route.regex or route.strict else named


class RouteFinder:
    """Asks Sanic's router, and remembers its answers for paths without parameters.

    A remembered answer costs 0.1 µs, the router's own cache 0.1 for known and 2.2 for new paths: it is of no use for
    paths with ids. Its search alone, without what it does around it, costs 0.9.

    Args:
        app: The app, started.
        may_go_straight: Whether the app allows it at all: nobody listens to signals of a request.

    Attributes:
        built_for: The search that Sanic's router has made of its routes; it makes another when routes are added.
        is_needed: Whether Sanic's own search, in ``handle_request``, is not enough.
    """

    __slots__ = ("_known", "_may_go_straight", "_paths", "_router", "built_for", "is_needed")

    def __init__(self, app: Sanic[Any, Any], *, may_go_straight: bool) -> None:
        router = app.router
        self._router = router
        self.built_for: Any = router.find_route
        self._paths: dict[tuple[str, bytes], Match] = {}
        self._known: dict[tuple[int, str], Match] = {}
        self._may_go_straight = may_go_straight
        by_host = any(route.requirements for route in router.routes)
        # Where no handler is ours, or the host decides, Sanic finds the route by itself.
        self.is_needed = not by_host and any(hasattr(route.handler, ENDPOINT_MARK) for route in router.routes)

    def find(self, method: str, target: bytes) -> Found | None:
        """The route for ``target`` and the path's values; ``None`` when there is none, and Sanic has to say so."""
        path = target.partition(b"?")[0]
        known = self._paths.get((method, path))
        if known is not None:
            return known, {}
        text = path.decode()
        basket: dict[str, dict[Any, Any]] = {"__params__": {}, "__matches__": {}}
        try:
            found, _ = self.built_for(text, method, self._router, basket, None)
            known = self._known.get((id(found), method))
            if known is not None and known.values is not None:
                matches = basket["__matches__"]
                return known, {name: matches[index] for index, name in known.values}
            route, handler, values = self._router.resolve(path=text, method=method)
        except Exception:  # noqa: BLE001 - whatever it is, Sanic meets it again in handle_request, and answers it
            return None
        match = Match(route, handler, may_go_straight=self._may_go_straight)
        self._known[id(found), method] = match  # a Route cannot be hashed; the router keeps it
        if not route.params and len(self._paths) < MAX_CACHED:
            self._paths[method, path] = match
        return match, values
