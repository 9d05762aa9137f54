"""Reads a handler's or provider's signature into parameters; every mistake is found here, at start-up.

A parameter's source is, in this order:

    marked (``Annotated[int, Query()]``)        what the mark says
    annotated ``Request``, or the plain first   the request
    named in the path template                  path
    its type is registered with the app         provider
    ``UploadFile``, or a list of them           file
    its type says so (``__velox_source__``)     that source
    scalar, or list of scalars                  query
    model, dataclass, TypedDict, dict, ...      JSON body; for GET and HEAD a group of query parameters
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from sanic import Request

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.routing.annotation import (
    base_type,
    display,
    display_name,
    field_alias,
    is_collection,
    is_scalar,
    is_scalar_collection,
    is_structure,
    is_subclass,
    type_hints,
    without_alias,
)
from velox.routing.markers import Body, Cookie, File, Form, Header, Marker, Path, Provide, Query
from velox.routing.mistakes import (
    check_bodies,
    check_call,
    check_default,
    check_path,
    check_table_class,
    read_from_path,
)
from velox.routing.plan import Parameter, ProviderPlan, Source
from velox.routing.provider import Providers, provider_kind
from velox.routing.upload import UploadFile

__all__ = ["SignatureReader"]

SOURCES: Mapping[type[Marker], Source] = {
    Path: Source.PATH,
    Query: Source.QUERY,
    Header: Source.HEADER,
    Cookie: Source.COOKIE,
    Body: Source.BODY,
    Form: Source.FORM,
    File: Source.FILE,
}
BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
BODIES = frozenset({Source.BODY, Source.FORM, Source.FILE})


class SignatureReader:
    """Reads one route's signature, with the providers it leads to.

    Args:
        path_names: The names in the route's path template.
        methods: The route's methods: they decide whether a model is a body.
        providers: The app's registered providers.
    """

    def __init__(self, path_names: Collection[str], methods: Collection[str], providers: Providers) -> None:
        self._path_names = frozenset(path_names)
        self._methods = frozenset(methods)
        self._has_body = bool(BODY_METHODS & self._methods)
        self._providers = providers
        self._numbers = itertools.count()
        self._building: list[Callable[..., Any]] = []
        self._built: dict[tuple[Any, Callable[..., Any]], ProviderPlan] = {}

    def read(self, fn: Callable[..., Any]) -> tuple[tuple[Parameter, ...], Any]:
        """The parameters of handler ``fn`` and its return annotation.

        Raises:
            ConfigurationError: VX201, VX202, VX203, VX205, VX206 or VX207, each with file, line and the fix.
        """
        parameters, returns = self._read(fn, prefix="")
        if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(fn).parameters.values()):
            parameters += tuple(self._unnamed_path(parameters))
        check_path(fn, self._path_names, parameters)
        check_bodies(fn, parameters)
        check_call(fn, parameters)
        return parameters, returns

    def _read(self, fn: Callable[..., Any], prefix: str) -> tuple[tuple[Parameter, ...], Any]:
        hints = type_hints(fn)
        parameters: list[Parameter] = []
        for position, parameter in enumerate(inspect.signature(fn).parameters.values()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise ConfigurationError(
                    "VX201",
                    f"{location_of(fn)}: parameter {parameter.name!r} of {display_name(fn)} is positional-only",
                    hint="Remove the '/' from the signature: Velox passes parameters by name",
                )
            parameters.append(self._parameter(fn, parameter, hints.get(parameter.name), prefix, first=position == 0))
        return tuple(parameters), hints.get("return", inspect.Signature.empty)

    def _parameter(
        self, fn: Callable[..., Any], parameter: inspect.Parameter, annotation: Any, prefix: str, *, first: bool
    ) -> Parameter:
        name = parameter.name
        metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
        required = parameter.default is inspect.Parameter.empty
        made = Parameter(
            name=name,
            key=prefix + name,
            source=Source.REQUEST,
            alias=name,
            annotation=annotation,
            required=required,
            default=None if required else parameter.default,
        )
        where = f"{location_of(fn)}: parameter {name!r} of {display_name(fn)}"
        if parameter.annotation is inspect.Parameter.empty:
            return self._untyped(where, made, first=first)
        check_default(where, made)
        base = base_type(annotation)
        if is_subclass(base, Request):
            return made
        inline = next((mark for mark in metadata if isinstance(mark, Provide)), None)
        if inline is not None:
            return self._provided(made, inline.fn, "request")
        mark = next((mark for mark in metadata if isinstance(mark, Marker)), None)
        if mark is None and name not in self._path_names:
            found = self.provider_of(where, base)
            if found is not None:
                return self._provided(made, *found)
        source = SOURCES[type(mark)] if mark is not None else self._infer(where, name, base)
        return self._input(where, made, source, mark, metadata)

    def _untyped(self, where: str, made: Parameter, *, first: bool) -> Parameter:
        """A parameter as Sanic's own handlers have it: the request comes first, then pieces of the path."""
        if made.name in self._path_names:
            return dataclasses.replace(made, source=Source.PATH, annotation=Any)
        if first:
            return made
        raise ConfigurationError("VX201", f"{where} has no type", hint="Annotate it: its type says where it comes from")

    def provider_of(self, where: str, base: Any) -> tuple[Callable[..., Any], str] | None:
        """The provider for a parameter of type ``base``: of the very type, or else of its one provided subclass."""
        if isinstance(base, Hashable) and base in self._providers:
            return self._providers[base]
        if not inspect.isclass(base) or is_scalar(base) or is_structure(base):
            return None
        fitting = [made for made in self._providers if inspect.isclass(made) and is_proper_subclass(made, base)]
        if len(fitting) > 1:
            names = ", ".join(sorted(display(made) for made in fitting))
            raise ConfigurationError(
                "VX207",
                f"{where} could be any of {names}",
                hint=f"Annotate the one you mean, or register a provider for {display(base)} itself",
            )
        return self._providers[fitting[0]] if fitting else None

    def _infer(self, where: str, name: str, base: Any) -> Source:
        if name in self._path_names:
            return Source.PATH
        if base is UploadFile or (get_origin(base) is list and get_args(base) == (UploadFile,)):
            return Source.FILE
        declared = getattr(base, "__velox_source__", None)
        if declared is not None:
            return Source(declared)
        if is_scalar(base) or is_scalar_collection(base):
            return Source.QUERY
        if is_structure(base):
            if self._has_body:
                return Source.BODY
            if is_subclass(base, BaseModel):
                return Source.QUERY
        raise ConfigurationError(
            "VX201",
            f"{where} has type {display(base)}, which has no source",
            hint="Register a provider for that type with app.provide(...), or mark it: "
            "Annotated[T, Query()], Header(), Cookie(), Form() or, for POST, PUT and PATCH, Body()",
        )

    def _input(
        self, where: str, made: Parameter, source: Source, mark: Marker | None, metadata: tuple[Any, ...]
    ) -> Parameter:
        base = base_type(made.annotation)
        given = (mark.name if mark else None) or field_alias(metadata)
        alias = given or (made.name.replace("_", "-") if source is Source.HEADER else made.name)
        if source is Source.PATH and alias not in self._path_names:
            raise ConfigurationError(
                "VX205", f"{where} is marked as a path parameter", hint=f"Put <{alias}> into the route's path"
            )
        if source in BODIES and not self._has_body:
            raise ConfigurationError(
                "VX201",
                f"{where} reads a body, but {', '.join(sorted(self._methods))} requests have none",
                hint="Use POST, PUT or PATCH",
            )
        check_table_class(where, base)
        is_group = is_subclass(base, BaseModel) and source not in (Source.BODY, Source.PATH, Source.FILE)
        return dataclasses.replace(
            made,
            annotation=without_alias(made.annotation),
            source=source,
            alias=alias.lower() if source is Source.HEADER else alias,
            group=base if is_group else None,
            multiple=source is not Source.BODY and is_collection(base),
        )

    def _provided(self, made: Parameter, provider: Callable[..., Any], scope: str) -> Parameter:
        return dataclasses.replace(made, source=Source.PROVIDER, provider=self.provider_plan(provider, scope))

    def provider_plan(self, fn: Callable[..., Any], scope: str) -> ProviderPlan:
        """How to call provider ``fn``.

        Raises:
            ConfigurationError: VX207 when providers need each other in a circle, or an ``app`` provider a request.
        """
        if fn in self._building:
            circle = " → ".join(display_name(f) for f in [*self._building[self._building.index(fn) :], fn])
            raise ConfigurationError(
                "VX207", f"{location_of(fn)}: providers need each other: {circle}", hint="Break the circle"
            )
        key = (scope, fn)
        if key not in self._built:
            self._building.append(fn)
            parameters, _ = self._read(fn, prefix=f"{display_name(fn)}/{next(self._numbers)}.")
            self._building.pop()
            plan = ProviderPlan(fn, scope, provider_kind(fn), parameters)
            if scope == "app":
                self._check_app_scope(plan)
            self._built[key] = plan
        return self._built[key]

    def _check_app_scope(self, plan: ProviderPlan) -> None:
        for parameter in plan.parameters:
            if parameter.provider is None or parameter.provider.scope != "app":
                raise ConfigurationError(
                    "VX207",
                    f"{location_of(plan.fn)}: {display_name(plan.fn)} is made once per worker but its parameter "
                    f"{parameter.name!r} exists only within a request",
                    hint='Give it scope="request", or remove the parameter',
                )

    def _unnamed_path(self, parameters: tuple[Parameter, ...]) -> Iterator[Parameter]:
        """The pieces of the path that the handler takes in its ``**kwargs``."""
        for name in sorted(self._path_names - read_from_path(parameters)):
            yield Parameter(name, name, Source.PATH, name, Any, required=True)


def is_proper_subclass(made: type, base: type) -> bool:
    try:
        return made is not base and base is not object and issubclass(made, base)
    except TypeError:
        return False  # a protocol without @runtime_checkable, for one
