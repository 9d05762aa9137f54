"""A group of routes that any number of apps can use."""

from __future__ import annotations

import sys
import weakref
from typing import Any

from sanic import Blueprint as SanicBlueprint

from velox.location import shortened
from velox.routing.plan import SharedOptions
from velox.routing.route import Routes, several
from velox.rules import CacheOption, LimitOption

__all__ = ["Blueprint"]


class Blueprint(Routes, SanicBlueprint):
    """A group of routes with a common prefix, declared once at module level.

    Unlike Sanic's, it can be registered with any number of apps (an app factory is called often in tests) and holds
    none of them alive.

    Args:
        name: Its name: letters, digits, ``_`` and ``-``. The documentation groups its routes under it.
        url_prefix: What every path in it begins with.
        limit: How often somebody may use all of its routes together, as ``limit`` of a route.
        cache: How long the answers of its GET routes may be used again, unless a route says otherwise.
        guard: What is asked of whoever calls one of its routes, beside the route's own guards.
        host, version, strict_slashes, version_prefix: As Sanic has them.
    """

    __slots__ = ("shared",)

    def __init__(
        self,
        name: str,
        url_prefix: str | None = None,
        *,
        limit: LimitOption = None,
        cache: CacheOption = None,
        guard: Any = (),
        **options: Any,
    ) -> None:
        super().__init__(name, url_prefix, **options)
        self.shared = SharedOptions(f"blueprint {name}", limit=limit, cache=cache, guard=several(guard))
        caller = sys._getframe(1)
        self.ctx.place = f"{shortened(caller.f_code.co_filename)}:{caller.f_lineno}"
        self._apps = weakref.WeakSet()  # type: ignore[assignment]

    def register(self, app: Any, options: dict[str, Any]) -> None:
        """Called by ``app.blueprint(...)``."""
        # Sanic collects the routes of all apps here and never lets go; only the last app's are of use.
        self.routes = []
        self.websocket_routes = []
        self.middlewares = []
        self.exceptions = []
        self.listeners = {}
        super().register(app, options)  # type: ignore[no-untyped-call]
