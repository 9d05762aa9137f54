"""What a handler's signature says, read once: the plan from which the call and its documentation are both made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from velox.errors import Problem
from velox.rules import CacheOption, IdempotentOption, LimitOption

__all__ = [
    "Limits",
    "Parameter",
    "Plan",
    "ProviderPlan",
    "ResponseHeader",
    "RouteOptions",
    "SharedOptions",
    "Source",
]


class Source(Enum):
    """Where a parameter's value comes from."""

    REQUEST = "request"
    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    BODY = "body"
    FORM = "form"
    FILE = "file"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets of a request's body.

    A request costs at most ``json_body_bytes`` of memory for JSON, and for a form at most
    ``form_body_bytes`` in all, of which each file keeps at most ``form_spool_bytes`` in memory and the rest on disk.
    """

    json_body_bytes: int = 1024 * 1024
    form_body_bytes: int = 10 * 1024 * 1024
    form_parts: int = 1000
    form_spool_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a handler or of a provider that it needs."""

    name: str
    """Its name in Python."""
    key: str
    """Its name within the plan: ``name`` for the handler's own, ``provider/number.name`` for a provider's."""
    source: Source
    alias: str
    """Its name on the wire."""
    annotation: Any
    """Its type, with the constraints of ``Annotated``."""
    required: bool
    default: Any = None
    """What it is when the request has none; only meaningful when it is not required."""
    group: Any = None
    """The pydantic model whose fields are read from the source one by one, for a group."""
    multiple: bool = False
    """Whether several values are collected into a list."""
    provider: ProviderPlan | None = None


@dataclass(frozen=True, slots=True)
class ProviderPlan:
    """How to make one thing that a handler needs, and what that needs in turn."""

    fn: Callable[..., Any]
    scope: str
    """``"app"`` (made once per worker) or ``"request"`` (made once per request)."""
    kind: str
    """``"value"``, ``"awaitable"``, ``"generator"`` or ``"async_generator"``."""
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """What a route's decorator says beyond its path and methods."""

    status: int | None = None
    summary: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    hidden: bool = False
    problems: tuple[type[Problem], ...] = ()
    security: tuple[str, ...] = ()
    max_body_bytes: int | None = None
    deprecated: bool = False
    limit: LimitOption = None
    cache: CacheOption = None
    idempotent: IdempotentOption = False
    guard: tuple[Any, ...] = ()
    """What is asked of whoever calls it: rules, and the guards of whoever knows accounts."""


@dataclass(frozen=True, slots=True)
class SharedOptions:
    """What a blueprint or an app says once, for all of its routes."""

    scope: str
    """Whose it is: ``"app"``, or ``"blueprint links"``."""
    limit: LimitOption = None
    """Counted together for all of them; a route's own limits come in addition."""
    cache: CacheOption = None
    """For its GET routes that say nothing themselves."""
    guard: tuple[Any, ...] = ()
    """As a route's; a route has to pass these too."""


@dataclass(frozen=True, slots=True)
class ResponseHeader:
    """A header field of a route's answers, for the documentation."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    statuses: Collection[str] | None = None
    """The answers that have it, such as ``("200", "304")``; ``None``: all but redirects."""

    def is_on(self, status: str) -> bool:
        """Whether the answer documented under ``status`` (``"404"``, ``"default"``) has it."""
        return not status.startswith("3") if self.statuses is None else status in self.statuses


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything known about one route before the first request."""

    name: str
    """The route's unique name; OpenAPI's ``operationId``."""
    methods: tuple[str, ...]
    path: str
    """OpenAPI's path template, ``/items/{item_id}``."""
    handler: Callable[..., Any]
    location: str
    """``file:line`` of the handler."""
    options: RouteOptions
    parameters: tuple[Parameter, ...]
    """The handler's own parameters, in order."""
    returns: Any
    """The return annotation; :data:`inspect.Signature.empty` when there is none."""
    status: int
    """The status of a good answer."""
    is_async: bool
    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    hidden: bool = False
    problems: tuple[type[Problem], ...] = field(default=())
    shared: tuple[SharedOptions, ...] = ()
    """What the app, and then the blueprint, say for all of their routes."""
    security: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    """Ways in, of which one is enough: scheme → scopes."""
    response_headers: tuple[ResponseHeader, ...] = ()
    """What the layers around the route add to its answers."""
    layer_parameters: tuple[Mapping[str, Any], ...] = ()
    """What the layers read of the request: OpenAPI's Parameter Objects."""
    layer_answers: Mapping[str, str] = field(default_factory=dict)
    """What the layers answer by themselves that is no problem: status → description."""
    rules: tuple[ProviderPlan, ...] = ()
    """What has to hold before anything is made for the handler."""

    @property
    def guards(self) -> tuple[Any, ...]:
        """Everything that is asked of whoever calls it: by the app, by the blueprint and by the route itself."""
        return (*(guard for shared in self.shared for guard in shared.guard), *self.options.guard)

    def providers(self) -> Iterator[ProviderPlan]:
        """Everything that is made for a request, what providers and rules need included."""

        def walk(parameters: tuple[Parameter, ...]) -> Iterator[ProviderPlan]:
            for parameter in parameters:
                if parameter.provider is not None:
                    yield parameter.provider
                    yield from walk(parameter.provider.parameters)

        for rule in self.rules:
            yield from walk(rule.parameters)
        yield from walk(self.parameters)

    def inputs(self) -> tuple[Parameter, ...]:
        """All parameters that are read from the request, those of the providers included, each once."""
        found: dict[str, Parameter] = {}

        def walk(parameters: tuple[Parameter, ...]) -> None:
            for parameter in parameters:
                if parameter.provider is not None:
                    walk(parameter.provider.parameters)
                else:
                    found.setdefault(parameter.key, parameter)

        for rule in self.rules:
            walk(rule.parameters)
        walk(self.parameters)
        return tuple(found.values())
