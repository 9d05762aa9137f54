"""The lock's layer around a route: credentials are looked at before anything else of the request."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from sanic import Request
from sanic.response import BaseHTTPResponse

from velox.auth.guards import Guard
from velox.auth.identity import Way
from velox.auth.lock import Lock
from velox.auth.providers import current_identity, optional_account
from velox.errors import ConfigurationError, Forbidden, Unauthorized
from velox.routing.layer import Endpoint, Layer, LayerMaker
from velox.routing.plan import Plan

__all__ = ["SCHEMES", "guarding"]

SCHEMES: Final[Mapping[Way, str]] = {Way.BEARER: "bearer", Way.COOKIE: "session", Way.KEY: "apiKey"}
"""What the ways in are called in OpenAPI."""


def guarding(lock: Lock, ways: Collection[Way]) -> LayerMaker:
    """The layer of every route that somebody has to be signed in for, or may be.

    Args:
        lock: The app's.
        ways: The ways in that the app has.
    """

    def make(plan: Plan) -> Layer | None:
        guards = [guard for guard in plan.guards if isinstance(guard, Guard)]
        made = {provider.fn for provider in plan.providers()}
        check_guards(plan)
        if guards or current_identity in made:
            problems = (Unauthorized, Forbidden)
            return Layer(required(lock, guards), problems, security=tuple(requirements(guards, ways)))
        if optional_account in made:
            return Layer(optional(lock), (Unauthorized, Forbidden), security=({}, *requirements((), ways)))
        return None

    return make


def required(lock: Lock, guards: Sequence[Guard]) -> Any:
    identify = lock.identify.required

    def wrap(inner: Endpoint) -> Endpoint:
        async def guarded(request: Request, **path: Any) -> BaseHTTPResponse | None:
            identity = await identify(request)
            for guard in guards:
                guard.check(identity)
            return await inner(request, **path)

        return guarded

    return wrap


def optional(lock: Lock) -> Any:
    identify = lock.identify

    def wrap(inner: Endpoint) -> Endpoint:
        async def looked_at(request: Request, **path: Any) -> BaseHTTPResponse | None:
            await identify(request)
            return await inner(request, **path)

        return looked_at

    return wrap


def requirements(guards: Sequence[Guard], ways: Collection[Way]) -> Iterator[Mapping[str, tuple[str, ...]]]:
    """OpenAPI's Security Requirement Objects: one for each way that all ``guards`` take."""
    scopes = tuple(sorted({scope for guard in guards for scope in guard.scopes}))
    for way in ways:
        if all(not guard.ways or way in guard.ways for guard in guards):
            yield {SCHEMES[way]: scopes if way is Way.KEY else ()}


def check_guards(plan: Plan) -> None:
    """A guard is one of ours, or a function.

    Raises:
        ConfigurationError: VX211, it is something else.
    """
    for guard in plan.guards:
        if not isinstance(guard, Guard) and not callable(guard):
            raise ConfigurationError(
                "VX211",
                f"{plan.location}: {guard!r} is no guard",
                hint='Write scopes("links:write"), roles("admin"), signed_in, or a function that returns a bool',
            )
