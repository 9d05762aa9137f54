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
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sanic import Request
from typing_extensions import is_typeddict

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.routing.markers import Body, Cookie, File, Form, Header, Marker, Path, Provide, Query
from velox.routing.plan import Parameter, ProviderPlan, Source
from velox.routing.upload import UploadFile

__all__ = ["Providers", "SignatureReader", "base_type", "provided_type"]

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
COLLECTIONS = (list, set, frozenset, tuple)

Providers = Mapping[Any, tuple[Callable[..., Any], str]]
"""What the app has registered: the type made → (the provider, its scope)."""


class SignatureReader:
    """Reads one route's signature, with the providers it leads to.

    Args:
        path_names: The names in the route's path template.
        methods: The route's methods: they decide whether a model is a body.
        providers: The app's registered providers.
    """

    def __init__(self, path_names: Collection[str], methods: Collection[str], providers: Providers) -> None:
        self._path_names = frozenset(path_names)
        self._has_body = bool(BODY_METHODS.intersection(methods))
        self._providers = providers
        self._building: list[Callable[..., Any]] = []
        self._built: dict[tuple[Any, Callable[..., Any]], ProviderPlan] = {}

    def read(self, fn: Callable[..., Any]) -> tuple[tuple[Parameter, ...], Any]:
        """The parameters of handler ``fn`` and its return annotation.

        Raises:
            ConfigurationError: VX201, VX202, VX203, VX205, VX206 or VX207, each with file, line and the fix.
        """
        parameters, returns = self._read(fn, prefix="")
        self._check_path(fn, parameters)
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
                    f"{location_of(fn)}: parameter {parameter.name!r} of {fn.__qualname__} is positional-only",
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
        base = base_type(annotation)
        unmarked_type = parameter.annotation is inspect.Parameter.empty
        if (unmarked_type and first and name not in self._path_names) or is_subclass(base, Request):
            return made
        inline = next((mark for mark in metadata if isinstance(mark, Provide)), None)
        if inline is not None:
            return self._provided(fn, made, inline.fn, "request")
        if unmarked_type and name in self._path_names:
            return dataclasses.replace(made, source=Source.PATH, annotation=Any)
        if unmarked_type:
            raise ConfigurationError(
                "VX201",
                f"{location_of(fn)}: parameter {name!r} of {fn.__qualname__} has no type",
                hint="Annotate it: its type says where it comes from",
            )
        mark = next((mark for mark in metadata if isinstance(mark, Marker)), None)
        if mark is None and base in self._providers and name not in self._path_names:
            provider, scope = self._providers[base]
            return self._provided(fn, made, provider, scope)
        source = SOURCES[type(mark)] if mark is not None else self._infer(fn, name, base)
        return self._input(fn, made, source, mark, metadata)

    def _infer(self, fn: Callable[..., Any], name: str, base: Any) -> Source:
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
            f"{location_of(fn)}: parameter {name!r} of {fn.__qualname__} has type {display(base)}, which has no source",
            hint="Register a provider for that type with app.provide(...), or mark it: "
            "Annotated[T, Query()], Header(), Cookie(), Form() or, for POST, PUT and PATCH, Body()",
        )

    def _input(
        self, fn: Callable[..., Any], made: Parameter, source: Source, mark: Marker | None, metadata: tuple[Any, ...]
    ) -> Parameter:
        base = base_type(made.annotation)
        where = f"{location_of(fn)}: parameter {made.name!r} of {fn.__qualname__}"
        if source is Source.PATH and made.name not in self._path_names and not (mark and mark.name):
            raise ConfigurationError(
                "VX205", f"{where} is marked as a path parameter", hint=f"Put <{made.name}> into the route's path"
            )
        if source in (Source.BODY, Source.FORM, Source.FILE) and not self._has_body:
            raise ConfigurationError(
                "VX201", f"{where} reads a body, but the route's methods have none", hint="Use POST, PUT or PATCH"
            )
        table = next((t for t in [base, *get_args(base)] if getattr(t, "__table__", None) is not None), None)
        if table is not None:
            raise ConfigurationError(
                "VX203",
                f"{where} has the table class {table.__name__} as its type; table classes do not validate, and would"
                " let a client set every column",
                hint=f"Use Create[{table.__name__}] or Update[{table.__name__}] from velox.db",
            )
        alias = (mark.name if mark else None) or field_alias(metadata) or made.name
        if source is Source.HEADER:
            alias = (mark.name if mark and mark.name else made.name.replace("_", "-")).lower()
        is_group = is_subclass(base, BaseModel) and source not in (Source.BODY, Source.PATH, Source.FILE)
        return dataclasses.replace(
            made,
            source=source,
            alias=alias,
            group=base if is_group else None,
            multiple=source is not Source.BODY and is_collection(base),
        )

    def _provided(self, fn: Callable[..., Any], made: Parameter, provider: Callable[..., Any], scope: str) -> Parameter:
        return dataclasses.replace(made, source=Source.PROVIDER, provider=self.provider_plan(provider, scope, fn))

    def provider_plan(self, fn: Callable[..., Any], scope: str, user: Callable[..., Any] | None = None) -> ProviderPlan:
        """How to call provider ``fn``, which ``user`` asked for.

        Raises:
            ConfigurationError: VX207 when providers need each other in a circle, or an ``app`` provider needs a request.
        """
        if fn in self._building:
            circle = " → ".join(f.__qualname__ for f in [*self._building[self._building.index(fn) :], fn])
            raise ConfigurationError(
                "VX207", f"{location_of(fn)}: providers need each other: {circle}", hint="Break the circle"
            )
        key = (scope, fn)
        if key not in self._built:
            self._building.append(fn)
            parameters, _ = self._read(fn, prefix=f"{fn.__qualname__}.")
            self._building.pop()
            plan = ProviderPlan(fn, provided_type(fn), scope, provider_kind(fn), parameters)
            if scope == "app":
                self._check_app_scope(plan)
            self._built[key] = plan
        return self._built[key]

    def _check_app_scope(self, plan: ProviderPlan) -> None:
        for parameter in plan.parameters:
            if parameter.provider is None or parameter.provider.scope != "app":
                raise ConfigurationError(
                    "VX207",
                    f"{location_of(plan.fn)}: {plan.fn.__qualname__} is made once per worker but its parameter "
                    f"{parameter.name!r} exists only within a request",
                    hint='Give it scope="request", or remove the parameter',
                )

    def _check_path(self, fn: Callable[..., Any], parameters: tuple[Parameter, ...]) -> None:
        takes_any = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(fn).parameters.values())
        read = {parameter.alias for parameter in _inputs(parameters) if parameter.source is Source.PATH}
        missing = self._path_names - read
        if missing and not takes_any:
            names = ", ".join(sorted(missing))
            raise ConfigurationError(
                "VX205",
                f"{location_of(fn)}: the route's path has <{names}>, which {fn.__qualname__} does not take",
                hint=f"Add the parameter {names} to the handler, or remove it from the path",
            )
        bodies = [p.name for p in _inputs(parameters) if p.source is Source.BODY]
        forms = [p.name for p in _inputs(parameters) if p.source in (Source.FORM, Source.FILE)]
        if len(bodies) > 1 or (bodies and forms):
            raise ConfigurationError(
                "VX206",
                f"{location_of(fn)}: {fn.__qualname__} reads more than one body: {', '.join(bodies + forms)}",
                hint="Join them in one model; a parameter that belongs to the query is marked Annotated[T, Query()]",
            )


def _inputs(parameters: tuple[Parameter, ...]) -> Iterator[Parameter]:
    for parameter in parameters:
        if parameter.provider is not None:
            yield from _inputs(parameter.provider.parameters)
        else:
            yield parameter


def type_hints(fn: Callable[..., Any]) -> dict[str, Any]:
    """``fn``'s annotations as objects, ``Annotated`` kept.

    Raises:
        ConfigurationError: VX202 when a name in an annotation cannot be found at run time.
    """
    target = inspect.unwrap(fn if inspect.isroutine(fn) or inspect.isclass(fn) else type(fn).__call__)
    closure = inspect.getclosurevars(target).nonlocals if inspect.isfunction(target) else {}
    try:
        return typing.get_type_hints(target, localns=dict(closure), include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            "VX202",
            f"{location_of(fn)}: the annotations of {fn.__qualname__} name {error.name!r}, which is not there at run time",
            hint="Import it at the top of the module, outside of `if TYPE_CHECKING:`",
        ) from None


def base_type(annotation: Any) -> Any:
    """``annotation`` without ``Annotated``, and without ``| None`` when only one other type is left."""
    if get_origin(annotation) is Annotated:
        return base_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        others = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(others) == 1:
            return base_type(others[0])
    return annotation


def is_subclass(annotation: Any, cls: type) -> bool:
    return isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, cls)


def is_structure(annotation: Any) -> bool:
    """Whether a JSON object or array is what naturally carries ``annotation``."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return any(is_structure(base_type(arg)) for arg in get_args(annotation))
    if origin is not None and isinstance(origin, type):
        return issubclass(origin, (Mapping, BaseModel, *COLLECTIONS)) or origin is Collection
    return (
        is_subclass(annotation, BaseModel)
        or dataclasses.is_dataclass(annotation)
        or is_typeddict(annotation)
        or is_subclass(annotation, dict)
        or annotation in COLLECTIONS
    )


def is_scalar(annotation: Any) -> bool:
    """Whether one string on the wire naturally carries ``annotation``."""
    annotation = base_type(annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin in (Union, types.UnionType):
        return all(is_scalar(arg) or arg is type(None) for arg in get_args(annotation))
    if origin is not None or not isinstance(annotation, type):
        return False
    return not is_structure(annotation) and (
        annotation.__module__ in {"builtins", "datetime", "decimal", "uuid", "pathlib", "ipaddress", "enum", "re"}
        and annotation not in (object, type(None))
        or issubclass(annotation, (str, int, float))
        or hasattr(annotation, "__members__")
        or annotation.__module__.startswith("pydantic")
    )


def is_collection(annotation: Any) -> bool:
    return get_origin(annotation) in COLLECTIONS or annotation in COLLECTIONS


def is_scalar_collection(annotation: Any) -> bool:
    return get_origin(annotation) in COLLECTIONS and all(
        is_scalar(arg) for arg in get_args(annotation) if arg is not Ellipsis
    )


def field_alias(metadata: tuple[Any, ...]) -> str | None:
    """The alias that a pydantic ``Field(alias=...)`` in ``Annotated`` gives."""
    for item in metadata:
        if isinstance(item, FieldInfo):
            alias = item.validation_alias or item.alias
            if isinstance(alias, str):
                return alias
    return None


def provider_kind(fn: Callable[..., Any]) -> str:
    if inspect.isasyncgenfunction(fn):
        return "async_generator"
    if inspect.isgeneratorfunction(fn):
        return "generator"
    return "awaitable" if inspect.iscoroutinefunction(fn) else "value"


def provided_type(fn: Callable[..., Any]) -> Any:
    """The type that provider ``fn`` makes, by its return annotation.

    Raises:
        ConfigurationError: VX207 when it has none.
    """
    if inspect.isclass(fn):
        return fn
    returns = type_hints(fn).get("return")
    if returns is None:
        raise ConfigurationError(
            "VX207",
            f"{location_of(fn)}: provider {fn.__qualname__} has no return annotation",
            hint="Annotate what it makes: -> T, or -> AsyncIterator[T] for a generator",
        )
    if provider_kind(fn).endswith("generator"):
        return base_type(get_args(returns)[0])
    return base_type(returns)


def display(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
