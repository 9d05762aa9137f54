"""What all connections of one app in one loop share."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from sanic import Request, Sanic
from sanic.log import logger

from velox.http.access import access_log
from velox.http.budgets import Budgets
from velox.http.deadline import Sweep, Timed
from velox.http.inbound import Head, Seen
from velox.http.meter import Meter
from velox.http.response import HeadWriter
from velox.http.routes import Found, RouteFinder

__all__ = ["Service", "service_of"]

SHORTEST_SWEEP_S = 0.02
SWEEPS_A_BUDGET = 10
"""A deadline may be met late by this part of the shortest budget of time, but no more than a second."""

_services: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Service]] = WeakKeyDictionary()


def service_of(
    app: Sanic[Any, Any], loop: asyncio.AbstractEventLoop, connections: set[Any], budgets: Budgets, server: str
) -> Service:
    """The service of a server's connections: the one that its first connection made.

    Sanic makes every protocol object by itself, from the class; there is no other place where they could meet.
    """
    services = _services.setdefault(loop, [])
    for service in services:
        if service.connections is connections and service.app is app:
            return service
    service = Service(app, loop, connections, budgets, server)
    services.append(service)
    return service


class Service:
    """One app, served in one loop.

    Args:
        app: The app, started.
        loop: The loop.
        connections: Every open connection; Sanic's server looks into it when it stops.
        budgets: The limits.
        server: The ``Server`` field; empty sends none.

    Attributes:
        routes: Finds a target's route.
        seen: The heads that connections have read.
        heads: Makes the heads of answers.
        tasks: What runs beside the requests.
        sweep: Watches the deadlines.
        body_bytes, response_s: The budgets of these names, made out.
        log_access: Writes the access log; ``None``: nobody wants it.
        meter: Counts the requests; ``None``: nobody wants it.
        times: Whether anybody wants to know how long a request took.
        request_class: The app's own class of requests; ``None`` for Sanic's.
    """

    __slots__ = (
        "_router",
        "_signals",
        "app",
        "body_bytes",
        "budgets",
        "connections",
        "heads",
        "log_access",
        "loop",
        "meter",
        "request_class",
        "response_s",
        "routes",
        "seen",
        "sweep",
        "tasks",
        "times",
    )

    def __init__(
        self,
        app: Sanic[Any, Any],
        loop: asyncio.AbstractEventLoop,
        connections: set[Timed],
        budgets: Budgets,
        server: str,
    ) -> None:
        self.app = app
        self._router: Any = app.router
        self.loop = loop
        self.seen = Seen()
        self.connections = connections
        self.budgets = budgets
        self.log_access = access_log(app)
        self.meter: Meter | None = getattr(app, "meter", None)
        self.times = self.log_access is not None or self.meter is not None
        custom: Any = app.request_class
        self.request_class = None if custom is None or custom is Request else custom
        self.heads = HeadWriter(server)
        self.body_bytes = app.config.REQUEST_MAX_SIZE if budgets.body_bytes is None else budgets.body_bytes
        self.response_s = app.config.RESPONSE_TIMEOUT if budgets.response_s is None else budgets.response_s
        times_s = (budgets.head_s, budgets.body_window_s, budgets.keep_alive_s, budgets.write_stall_s, self.response_s)
        interval_s = min(1.0, *(time_s / SWEEPS_A_BUDGET for time_s in times_s))
        self.sweep = Sweep(loop, connections, max(SHORTEST_SWEEP_S, interval_s))
        self.tasks: set[asyncio.Task[Any]] = set()
        self.learn()

    def learn(self) -> None:
        """Look at the app's routes and signals; again after ``app.amend()``."""
        names = {str(signal.name) for signal in self.app.signal_router.routes}
        self._signals = frozenset(name for name in names if name.startswith("http."))
        own_handling = type(self.app).handle_request is not Sanic.handle_request
        may_go_straight = not self._signals and self.request_class is None and not own_handling
        self.routes = RouteFinder(self.app, may_go_straight=may_go_straight)
        logger.debug("velox: endpoints are called straight: %s", may_go_straight)

    def find(self, head: Head) -> Found | None:
        """The route of ``head`` and the path's values; ``None`` when Sanic has to find it, or that there is none."""
        routes = self.routes
        if self._router._find_route is not routes.built_for:  # the property of that name costs 0.05 µs
            self.learn()
            routes = self.routes
        if head.found_by is not routes:
            head.found, head.found_by = routes.find(head.method, head.target), routes
        found: Found | None = head.found
        return found

    def wants(self, event: str) -> bool:
        """Whether anybody listens to a signal of Sanic's."""
        if not self._signals:
            return False
        concern = event.rpartition(".")[0]
        return any(name == event or (name.endswith(">") and name.startswith(concern)) for name in self._signals)
