"""What an annotation says: which types one string on the wire can carry, and which need a JSON document."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType, is_typeddict

from velox.errors import ConfigurationError
from velox.location import location_of

__all__ = [
    "base_type",
    "display",
    "display_name",
    "field_alias",
    "is_collection",
    "is_scalar",
    "is_scalar_collection",
    "is_structure",
    "is_subclass",
    "remember_local_names",
    "type_hints",
    "without_alias",
]

COLLECTIONS = (list, set, frozenset, tuple, Sequence, collections.abc.Set, Iterable, Collection)
SCALAR_MODULES = frozenset({"builtins", "datetime", "decimal", "uuid", "pathlib", "ipaddress", "re"})
UNIONS = (Union, types.UnionType)


def base_type(annotation: Any) -> Any:
    """``annotation`` without ``Annotated``, ``NewType`` and aliases, and without ``| None`` when only one other type is
    left.
    """
    if get_origin(annotation) is Annotated:
        return base_type(get_args(annotation)[0])
    if isinstance(annotation, NewType):
        return base_type(annotation.__supertype__)
    if isinstance(annotation, TypeAliasType):
        return base_type(annotation.__value__)
    if get_origin(annotation) in UNIONS:
        others = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(others) == 1:
            return base_type(others[0])
    return annotation


def is_subclass(annotation: Any, cls: type) -> bool:
    return isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, cls)


def is_structure(annotation: Any) -> bool:
    """Whether a JSON object or array is what naturally carries ``annotation``."""
    origin = get_origin(annotation)
    if origin in UNIONS:
        return any(is_structure(base_type(arg)) for arg in get_args(annotation))
    if origin is not None and isinstance(origin, type):
        return issubclass(origin, (Mapping, BaseModel)) or is_collection(annotation) or is_plain_structure(origin)
    return is_plain_structure(annotation)


def is_plain_structure(annotation: Any) -> bool:
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
    if origin in UNIONS:
        return all(is_scalar(arg) or arg is type(None) for arg in get_args(annotation))
    if origin is not None or not isinstance(annotation, type) or is_structure(annotation):
        return False
    if annotation in {object, type(None)}:
        return False
    return (
        annotation.__module__ in SCALAR_MODULES
        or annotation.__module__.startswith("pydantic")
        or issubclass(annotation, (str, int, float, enum.Enum))
    )


def is_collection(annotation: Any) -> bool:
    return get_origin(annotation) in COLLECTIONS or annotation in COLLECTIONS


def is_scalar_collection(annotation: Any) -> bool:
    return get_origin(annotation) in COLLECTIONS and all(
        is_scalar(arg) for arg in get_args(annotation) if arg is not Ellipsis
    )


def field_alias(metadata: Iterable[Any]) -> str | None:
    """The name on the wire that a pydantic ``Field(alias=...)`` in ``Annotated`` gives."""
    for item in metadata:
        if isinstance(item, FieldInfo):
            alias = item.validation_alias or item.alias
            if isinstance(alias, str):
                return alias
    return None


def without_alias(annotation: Any) -> Any:
    """``annotation`` with the aliases of its ``Field(...)`` taken off: they have no meaning for a value on its own."""
    if get_origin(annotation) is not Annotated:
        return annotation
    origin, *metadata = get_args(annotation)
    return Annotated[(origin, *map(plain_field, metadata))]


def plain_field(item: Any) -> Any:
    if not isinstance(item, FieldInfo) or not (item.alias or item.validation_alias):
        return item
    made = copy(item)
    made._attributes_set = {key: value for key, value in item._attributes_set.items() if "alias" not in key}
    made.alias = made.validation_alias = made.serialization_alias = made.alias_priority = None
    return made


def display(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def remember_local_names(fn: Callable[..., Any], frame: types.FrameType | None) -> None:
    """Keep with ``fn`` what its unevaluated annotations name in ``frame``, where it is being defined.

    ``from __future__ import annotations`` leaves text, and the names of classes inside an app factory or a test
    function are nowhere to be found later.
    """
    if not inspect.isfunction(fn) or frame is None or "<locals>" not in fn.__qualname__:
        return
    texts = [text for text in fn.__annotations__.values() if isinstance(text, str)]
    names = set(re.findall(r"[^\W\d]\w*", " ".join(texts)))
    found = {name: value for name, value in frame.f_locals.items() if name in names}
    if found:
        fn.__velox_names__ = found  # type: ignore[attr-defined]


def type_hints(fn: Callable[..., Any]) -> dict[str, Any]:
    """``fn``'s annotations as objects, ``Annotated`` kept; for a class those of its constructor.

    Raises:
        ConfigurationError: VX202 when a name in an annotation cannot be found at run time; VX201 for a mark's mistake.
    """
    hints: dict[str, Any] = {}
    for target in annotated_functions(fn):
        try:
            hints |= typing.get_type_hints(target, localns=local_names(target), include_extras=True)
        except NameError as error:
            raise ConfigurationError(
                "VX202",
                f"{location_of(fn)}: the annotations of {display_name(fn)} name {error.name!r}, which is not there at"
                " run time",
                hint="Import it at the top of the module, outside of `if TYPE_CHECKING:`; a class within a function has"
                " to be defined before the handler",
            ) from None
        except ConfigurationError as error:  # a mark's
            raise ConfigurationError(error.code, f"{location_of(fn)}: {error.message}", hint=error.hint) from None
    return hints


def annotated_functions(fn: Any) -> list[Any]:
    """What carries the annotations of callable ``fn``."""
    if inspect.isclass(fn):
        # Dataclasses and models have annotated attributes, other classes a constructor of their own.
        return [fn, fn.__init__] if inspect.isfunction(fn.__init__) else [fn]
    while hasattr(fn, "func"):  # functools.partial
        fn = fn.func
    return [inspect.unwrap(fn if inspect.isroutine(fn) else type(fn).__call__)]


def local_names(target: Any) -> dict[str, Any]:
    closure = inspect.getclosurevars(target).nonlocals if inspect.isfunction(target) else {}
    return {**getattr(target, "__velox_names__", {}), **closure}


def display_name(fn: Any) -> str:
    return getattr(fn, "__qualname__", None) or repr(fn)
