"""From a declared route to its plan."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from velox.errors import ConfigurationError, Problem
from velox.location import location_of
from velox.routing.plan import Plan, SharedOptions
from velox.routing.provider import Providers
from velox.routing.route import Declaration
from velox.routing.rule import as_provider
from velox.routing.signature import SignatureReader

__all__ = ["make_plan", "path_names", "path_shape", "path_template"]

PARAMETER = re.compile(r"<(\w+)(?::[^>]*)?>")


def path_template(path: str) -> str:
    """Sanic's ``items/<item_id:str>`` as OpenAPI's ``/items/{item_id}``."""
    return "/" + PARAMETER.sub(r"{\1}", path).lstrip("/")


def path_names(template: str) -> list[str]:
    """The parameters of ``/items/{item_id}``, in order."""
    return re.findall(r"{(\w+)}", template)


def path_shape(template: str) -> str:
    """What makes two templates the same: not their parameters' names."""
    return re.sub(r"{\w+}", "{}", template)


def make_plan(
    declaration: Declaration,
    name: str,
    path: str,
    methods: Collection[str],
    providers: Providers,
    *,
    shared: tuple[SharedOptions, ...] = (),
) -> Plan:
    """Read a route.

    Args:
        declaration: What the decorator was given.
        name: The route's name within the app, ``blueprint.handler``.
        path: Its path template, ``/items/{item_id}``.
        methods: Its methods; HEAD is left out where GET is there too.
        providers: The app's providers.
        shared: What is said for it together with other routes.

    Raises:
        ConfigurationError: The signature has a mistake (VX201 to VX207).
    """
    handler, options = declaration.handler, declaration.options
    methods = tuple(sorted(method for method in methods if not (method == "HEAD" and "GET" in methods)))
    reader = SignatureReader(names_in(path, handler), methods, providers)
    parameters, returns = reader.read(handler)
    guards = (*(guard for each in shared for guard in each.guard), *options.guard)
    rules = tuple(reader.provider_plan(as_provider(guard), "request") for guard in guards if callable(guard))
    summary, description = documentation(handler)
    return Plan(
        name=name.replace(".", "_"),
        methods=methods,
        path=path,
        handler=handler,
        location=location_of(handler),
        options=options,
        parameters=parameters,
        returns=returns,
        status=options.status or (204 if returns in (None, type(None)) else 200),
        is_async=is_async(handler),
        summary=options.summary or summary or name.rpartition(".")[2].replace("_", " ").capitalize(),
        description=options.description or description,
        tags=options.tags or tuple(name.split(".")[:-1][:1]),
        hidden=options.hidden,
        problems=tuple(dict.fromkeys([*options.problems, *named_problems(handler)])),
        shared=shared,
        rules=rules,
        security=tuple({name: ()} for name in options.security),
    )


def names_in(path: str, handler: Callable[..., Any]) -> list[str]:
    """The parameters' names in ``path``.

    Raises:
        ConfigurationError: VX205 when two have the same.
    """
    names = path_names(path)
    if len(set(names)) < len(names):
        raise ConfigurationError(
            "VX205",
            f"{location_of(handler)}: two parameters of the path {path} have the same name",
            hint="Rename one of them",
        )
    return names


def is_async(handler: Callable[..., Any]) -> bool:
    """Whether ``handler`` runs on the event loop: it, or what a decorator wrapped, is async; others get a thread."""
    candidates = (handler, inspect.unwrap(handler), getattr(handler, "__call__", None))  # noqa: B004 - an object's own
    return any(inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found) for found in candidates)


def documentation(handler: Callable[..., Any]) -> tuple[str, str]:
    """The first line of the handler's docstring, and the rest."""
    # A partial's own docstring is that of functools.partial.
    first, _, rest = (inspect.getdoc(getattr(handler, "func", handler)) or "").partition("\n")
    return first.strip(), rest.strip()


def named_problems(handler: Callable[..., Any]) -> Iterator[type[Problem]]:
    """The problem classes that the handler's code names, as in ``raise NotFound(...)``.

    So the documentation lists what a handler raises without being told a second time. Only global names count: code
    that the handler calls is not read.
    """
    code = getattr(inspect.unwrap(handler), "__code__", None)
    names: Sequence[str] = code.co_names if code is not None else ()
    for name in names:
        found = getattr(handler, "__globals__", {}).get(name)
        if isinstance(found, type) and issubclass(found, Problem) and found is not Problem:
            yield found
