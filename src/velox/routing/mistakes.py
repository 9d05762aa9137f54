"""The mistakes that a signature can have beside a parameter without a source; each is said with place and fix."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.routing.annotation import display, display_name
from velox.routing.markers import Marker, Provide
from velox.routing.plan import Parameter, Source

__all__ = ["check_bodies", "check_call", "check_default", "check_path", "check_table_class", "read_from_path"]


def check_default(where: str, parameter: Parameter) -> None:
    """A mark in the place of the default would be taken for the value."""
    if isinstance(parameter.default, (Marker, Provide, FieldInfo)):
        mark = type(parameter.default).__name__.removesuffix("Info")
        raise ConfigurationError(
            "VX201",
            f"{where} has {mark}(...) as its default",
            hint=f"Write it into the type: {parameter.name}: Annotated[{display(parameter.annotation)}, {mark}(...)]",
        )


def check_table_class(where: str, base: Any) -> None:
    table = next((t for t in [base, *get_args(base)] if getattr(t, "__table__", None) is not None), None)
    if table is not None:
        raise ConfigurationError(
            "VX203",
            f"{where} has the table class {table.__name__} as its type, which would let a client set every column",
            hint=f"Use Create[{table.__name__}] or Update[{table.__name__}] from velox.db",
        )


def check_path(fn: Callable[..., Any], path_names: Collection[str], parameters: tuple[Parameter, ...]) -> None:
    missing = set(path_names) - read_from_path(parameters)
    if missing:
        names = ", ".join(sorted(missing))
        raise ConfigurationError(
            "VX205",
            f"{location_of(fn)}: the route's path has <{names}>, which {display_name(fn)} does not take",
            hint=f"Add the parameter {names} to the handler, or remove it from the path",
        )


def check_bodies(fn: Callable[..., Any], parameters: tuple[Parameter, ...]) -> None:
    bodies = [p.name for p in inputs_of(parameters) if p.source is Source.BODY]
    forms = [p.name for p in inputs_of(parameters) if p.source in (Source.FORM, Source.FILE)]
    if len(bodies) > 1 or (bodies and forms):
        raise ConfigurationError(
            "VX206",
            f"{location_of(fn)}: {display_name(fn)} reads more than one body: {', '.join(bodies + forms)}",
            hint="Join them in one model; a parameter that belongs to the query is marked Annotated[T, Query()]",
        )


def check_call(fn: Callable[..., Any], parameters: tuple[Parameter, ...]) -> None:
    """A decorator's wrapper shows the signature of what it wraps, but may not pass everything on."""
    try:
        inspect.signature(fn, follow_wrapped=False).bind(**{parameter.name: ... for parameter in parameters})
    except TypeError as error:
        raise ConfigurationError(
            "VX201",
            f"{location_of(fn)}: the decorator's wrapper of {display_name(fn)} cannot be called: {error}",
            hint="Write the wrapper as `async def wrapper(*args, **kwargs)`, or give the handler the parameter too",
        ) from None


def read_from_path(parameters: tuple[Parameter, ...]) -> set[str]:
    return {parameter.alias for parameter in inputs_of(parameters) if parameter.source is Source.PATH}


def inputs_of(parameters: tuple[Parameter, ...]) -> Iterator[Parameter]:
    for parameter in parameters:
        if parameter.provider is not None:
            yield from inputs_of(parameter.provider.parameters)
        else:
            yield parameter
