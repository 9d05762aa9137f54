"""The route decorators: typed so that a decorated handler is still the function that was written."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from sanic.mixins.routes import RouteMixin
from sanic.response import HTTPResponse

from velox.errors import ConfigurationError, Problem
from velox.location import location_of
from velox.routing.annotation import remember_local_names
from velox.routing.plan import RouteOptions, SharedOptions
from velox.rules import CacheOption, IdempotentOption, LimitOption

__all__ = ["Declaration", "Routes", "declaration_of"]

P = ParamSpec("P")
T = TypeVar("T")
_order = itertools.count()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Declaration:
    """One use of a route decorator."""

    handler: Callable[..., Any]
    options: RouteOptions
    shared: SharedOptions
    """What is said where it was declared: by the app, or by a blueprint."""
    order: int = field(default_factory=lambda: next(_order))
    """When it was declared: Sanic keeps routes in sets, and documents want the order of the source."""


def declaration_of(placeholder: Any) -> Declaration | None:
    """The declaration behind what was given to Sanic as the handler; ``None`` for Sanic's own handlers."""
    found = getattr(placeholder, "__velox__", None)
    return found if isinstance(found, Declaration) else None


class Routes(RouteMixin):
    """The decorators of :class:`~velox.Velox` and :class:`~velox.Blueprint`.

    All take, beside Sanic's own options (``name``, ``host``, ``strict_slashes``, ``version``, ``ctx_...``):

    Args:
        uri: The path; ``<item_id>`` takes its type from the handler's annotation.
        status: The status of a good answer. Default: 200, or 204 for a handler that returns ``None``.
        summary: A line for the documentation. Default: the docstring's first.
        description: Text for the documentation (Markdown). Default: the docstring's rest.
        tags: Headings in the documentation. Default: the blueprint's name.
        hidden: Leave it out of the documentation.
        problems: Problems that the handler raises, for the documentation. Those named in its own code are found.
        security: Names of security schemes (see :meth:`velox.Velox.add_security_scheme`) that it asks for.
        max_body_bytes: The body's limit, instead of the setting's.
        deprecated: Mark it as on its way out in the documentation.
        limit: How often somebody may: ``"100/minute"``, several of them, or :class:`velox.limits.Policy`; in addition
            to those of the blueprint and the app. ``False``: no limit at all.
        cache: How long an answer to GET may be used again: ``"30s"``, or :class:`velox.cache.CachePolicy`.
            Default: as the blueprint or the app says. ``False``: it may not.
        idempotent: Honour ``Idempotency-Key`` on POST and PATCH: a request that is sent again has no second effect, and
            gets the first one's answer. ``"required"``: refuse requests without a key.
        guard: What is asked of whoever calls it: a guard of :mod:`velox.auth`, a function that says of a user and an
            object whether the one may have the other, or a list of such.

    Mistakes in the signature are found when the app is compiled, and raise
    :class:`~velox.errors.ConfigurationError` with file, line and the fix.

    Attributes:
        shared: What holds for all routes that are declared here.
    """

    shared: SharedOptions

    def route(
        self,
        uri: str,
        methods: Iterable[str] | None = None,
        *args: Any,
        status: int | None = None,
        summary: str | None = None,
        description: str | None = None,
        tags: Sequence[str] = (),
        hidden: bool = False,
        problems: Sequence[type[Problem]] = (),
        security: Sequence[str] = (),
        max_body_bytes: int | None = None,
        deprecated: bool = False,
        limit: LimitOption = None,
        cache: CacheOption = None,
        idempotent: IdempotentOption = False,
        guard: Any = (),
        **sanic: Any,
    ) -> Callable[[Callable[P, T]], Callable[P, T]]:
        """Declare a route for ``methods`` (default GET)."""
        check_called(uri, methods)
        options = RouteOptions(
            status=status,
            summary=summary,
            description=description,
            tags=tuple(tags),
            hidden=hidden,
            problems=tuple(problems),
            security=tuple(security),
            max_body_bytes=max_body_bytes,
            deprecated=deprecated,
            limit=limit,
            cache=cache,
            idempotent=idempotent,
            guard=several(guard),
        )
        names = tuple(method.upper() for method in methods or ("GET",))

        def decorate(handler: Callable[P, T]) -> Callable[P, T]:
            check_habits(handler, uri, sanic)
            check_values(handler, status, {"tags": tags, "problems": problems, "security": security})
            remember_local_names(handler, sys._getframe(1))
            if sanic.get("websocket") or sanic.get("static") or hasattr(handler, "view_class"):
                # Sanic's own handlers, and what Sanic's own callers expect to get back.
                return super(Routes, self).route(uri, methods, *args, **sanic)(handler)  # type: ignore[arg-type, return-value]
            served = (*names, "HEAD") if "GET" in names and "HEAD" not in names else names
            register = super(Routes, self).route(uri, served, *args, **{"unquote": True, "ignore_body": False, **sanic})
            register(placeholder(Declaration(handler, options, self.shared)))
            return handler

        return decorate

    def _single(self, method: str, uri: str, options: dict[str, Any]) -> Callable[[Callable[P, T]], Callable[P, T]]:
        """What ``route`` returns for one method."""
        methods = options.pop("methods", None)
        register = self.route(uri, (method,), **options)
        if methods is None:
            return register

        def refuse(handler: Callable[P, T]) -> Callable[P, T]:
            raise ConfigurationError(
                "VX211",
                f"{location_of(handler)}: {method.lower()} has no option 'methods'",
                hint=f"Write route({uri!r}, methods={methods!r})",
            )

        return refuse

    def add_route(  # type: ignore[override]
        self, handler: Callable[P, T], uri: str, methods: Iterable[str] | None = None, **options: Any
    ) -> Callable[P, T]:
        """Declare a route without a decorator; a class-based view's ``as_view()`` too."""
        if hasattr(handler, "view_class"):
            return super().add_route(handler, uri, **options)  # type: ignore[arg-type, return-value]
        remember_local_names(handler, sys._getframe(1))
        return self.route(uri, methods, **options)(handler)

    def get(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a handler for GET, and for HEAD with it (RFC 9110, section 9.3.2)."""
        return self._single("GET", uri, options)

    def post(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a handler for POST."""
        return self._single("POST", uri, options)

    def put(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a handler for PUT."""
        return self._single("PUT", uri, options)

    def patch(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a handler for PATCH."""
        return self._single("PATCH", uri, options)

    def delete(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a handler for DELETE."""
        return self._single("DELETE", uri, options)

    def head(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a handler for HEAD alone, where there is no GET."""
        return self._single("HEAD", uri, options)

    def options(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a handler for OPTIONS."""
        return self._single("OPTIONS", uri, options)

    def websocket(self, uri: str, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:  # type: ignore[override]
        """Declare a WebSocket handler, ``async def feed(request, ws)``, as Sanic has it."""
        register = super().websocket(uri, **options)

        def decorate(handler: Callable[P, T]) -> Callable[P, T]:
            register(handler)
            return handler

        return decorate


def several(guard: Any) -> tuple[Any, ...]:
    """One guard, or a list of them."""
    return tuple(guard) if isinstance(guard, (list, tuple)) else (guard,)


ELSEWHERE = {
    "status_code": "Write status=... instead",
    "response_model": "Write the model as the return annotation: async def handler(...) -> Model",
    "dependencies": "Give the handler a parameter of the type that a provider makes",
}


def check_habits(handler: Callable[..., Any], uri: str, options: Mapping[str, Any]) -> None:
    """What other frameworks call by another name is said here: Sanic would take it for something else, or not at all.

    Raises:
        ConfigurationError: VX205, the path has ``{item_id}``; VX211, an option that is none.
    """
    if braces := re.search(r"^[^<]*{(\w+)}", uri):
        raise ConfigurationError(
            "VX205",
            f"{location_of(handler)}: the path {uri} has {{{braces[1]}}}, which would be matched letter by letter",
            hint=f"Write <{braces[1]}>",
        )
    if known := ELSEWHERE.keys() & options.keys():
        name = min(known)
        raise ConfigurationError(
            "VX211", f"{location_of(handler)}: a route has no option {name!r}", hint=ELSEWHERE[name]
        )


def check_called(uri: Any, methods: Iterable[str] | None) -> None:
    """A decorator without parentheses gets the handler where its path should be.

    Raises:
        ConfigurationError: VX211.
    """
    if callable(uri):
        name = next(iter(methods)).lower() if methods else "route"
        raise ConfigurationError(
            "VX211",
            f"{location_of(uri)}: the decorator {name} is used without a path",
            hint=f'Write @app.{name}("/path")',
        )


def check_values(handler: Callable[..., Any], status: Any, several: Mapping[str, Any]) -> None:
    """A status is one that ends an exchange (RFC 9110, section 15), and ``several`` are lists, not strings.

    Raises:
        ConfigurationError: VX211.
    """
    if status is not None and not (isinstance(status, int) and 200 <= status <= 599):
        raise ConfigurationError(
            "VX211",
            f"{location_of(handler)}: a route's status is not {status!r}",
            hint="Write a number from 200 to 599, such as status=201",
        )
    for name, value in several.items():
        if isinstance(value, str):
            raise ConfigurationError(
                "VX211",
                f"{location_of(handler)}: {name}={value!r} is a string, of which each letter would be one",
                hint=f"Write a list: {name}=[{value!r}]",
            )


def placeholder(declaration: Declaration) -> Callable[..., Coroutine[Any, Any, HTTPResponse | None]]:
    """What Sanic gets to hold until the app is compiled: blueprints are shared by apps, compiled handlers are not."""

    async def not_compiled(request: Any, **path: Any) -> HTTPResponse | None:
        raise RuntimeError("the app was not compiled")

    handler = declaration.handler
    not_compiled.__name__ = getattr(handler, "__name__", type(handler).__name__)
    not_compiled.__qualname__ = getattr(handler, "__qualname__", not_compiled.__name__)
    not_compiled.__module__ = handler.__module__
    not_compiled.__doc__ = handler.__doc__
    not_compiled.__velox__ = declaration  # type: ignore[attr-defined]
    return not_compiled
