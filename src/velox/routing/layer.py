"""What stands around an endpoint: how rooms that do not know each other each get their say in a request.

    request ──▶ outermost layer ──▶ ... ──▶ innermost layer ──▶ endpoint
    answer  ◀── outermost layer ◀── ... ◀── innermost layer ◀── endpoint

A layer sees the answer as what its inner endpoint returns, or as the exception that it raises. A stream is answered
inside of the endpoint, which then returns ``None``. Header fields for all three ways are set by :func:`carry`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sanic import Request
from sanic.response import BaseHTTPResponse

from velox.errors import Problem
from velox.routing.plan import Plan, ResponseHeader

__all__ = ["Endpoint", "Layer", "LayerMaker", "carried", "carry", "documented", "wrapped"]

Endpoint = Callable[..., Awaitable[BaseHTTPResponse | None]]
"""``async (request, **path) -> response``; ``None`` when it has answered by itself, as a stream does."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one room does around one route, and what the documentation says of it."""

    wrap: Callable[[Endpoint], Endpoint]
    """From the inner endpoint to the one around it; called once, when the app is compiled."""
    problems: tuple[type[Problem], ...] = ()
    """What the layer raises."""
    headers: tuple[ResponseHeader, ...] = ()
    """What it adds to answers."""
    parameters: tuple[Mapping[str, Any], ...] = ()
    """What it reads of the request: OpenAPI's Parameter Objects."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What it answers by itself that is no problem: status → description."""
    security: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    """Ways in, of which one is enough: OpenAPI's Security Requirement Objects (scheme → scopes)."""


LayerMaker = Callable[[Plan], Layer | None]
"""Asked once for each route when the app is compiled; ``None``: nothing to do there, and no cost."""


def documented(plan: Plan, layers: Iterable[Layer]) -> Plan:
    """``plan`` with what its ``layers`` add to the documentation."""
    layers = tuple(layers)
    return dataclasses.replace(
        plan,
        problems=tuple(dict.fromkeys([*plan.problems, *(kind for layer in layers for kind in layer.problems)])),
        response_headers=tuple(header for layer in layers for header in layer.headers),
        layer_parameters=tuple(parameter for layer in layers for parameter in layer.parameters),
        layer_answers={status: text for layer in layers for status, text in layer.answers.items()},
        security=(*plan.security, *(way for layer in layers for way in layer.security)),
    )


def wrapped(endpoint: Endpoint, layers: Iterable[Layer]) -> Endpoint:
    """``endpoint`` inside of ``layers``, the first of which is the outermost."""
    for layer in reversed(tuple(layers)):
        endpoint = layer.wrap(endpoint)
    return endpoint


def carry(request: Request, headers: Mapping[str, str]) -> None:
    """Let an answer that no layer gets to see, a problem or a stream, have ``headers``, unless it has them itself.

    Called before the inner endpoint of a stream, and for the problem that an inner endpoint raised.
    """
    context = request.ctx
    context.velox_headers = {**getattr(context, "velox_headers", {}), **headers}


def carried(request: Request) -> Mapping[str, str]:
    """What layers set for the answer to ``request``."""
    # The context is made at the first look at it, which most requests never need.
    context = getattr(request, "_ctx", None)
    headers: Mapping[str, str] = getattr(context, "velox_headers", {}) if context is not None else {}
    return headers
