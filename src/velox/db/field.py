"""``Field``: SQLModel's, plus who may set a column and who may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import Column
from sqlalchemy.types import TypeEngine
from sqlmodel import Field as SQLModelField

__all__ = ["Field", "FieldOptions", "Visibility", "visibility"]


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who sets a column and who sees it; it travels in the metadata of the pydantic field."""

    server_set: bool = False
    private: bool = False


_OPEN = Visibility()


class FieldOptions(TypedDict, total=False):
    """What SQLModel's ``Field`` understands of pydantic 2 and of columns."""

    validation_alias: str
    serialization_alias: str
    title: str
    description: str
    examples: Sequence[Any]
    exclude: bool
    repr: bool
    discriminator: str
    deprecated: bool | str
    json_schema_extra: Mapping[str, Any]
    gt: float
    ge: float
    lt: float
    le: float
    multiple_of: float
    min_length: int
    max_length: int
    max_digits: int
    decimal_places: int
    pattern: str
    primary_key: bool
    foreign_key: str
    ondelete: Literal["CASCADE", "SET NULL", "RESTRICT"]
    unique: bool
    nullable: bool
    index: bool
    sa_type: TypeEngine[Any] | type[TypeEngine[Any]]
    sa_column: Column[Any]
    sa_column_args: Sequence[Any]
    sa_column_kwargs: Mapping[str, Any]
    schema_extra: Mapping[str, Any]


# SQLModel's Field has no arguments for these, but hands everything in schema_extra on to pydantic's.
_PYDANTIC_ONLY = ("pattern", "examples", "deprecated", "json_schema_extra")


def Field(  # noqa: N802 - the name that pydantic and SQLModel gave it
    default: Any = PydanticUndefined,
    *,
    default_factory: Callable[[], Any] | None = None,
    alias: str | None = None,
    server_set: bool = False,
    private: bool = False,
    **options: Unpack[FieldOptions],
) -> Any:
    """Describe a column, and the value that fits into it.

    Args:
        default: The value when none is given. Left out: the field is required.
        default_factory: Makes the default, once a row.
        alias: The name on the wire, when it is not the attribute's.
        server_set: Only our own code sets it: it is in neither ``Create[T]`` nor ``Update[T]``, and a body that has it
            is a 422. Default ``False``.
        private: It never leaves the server: it is not in ``Public[T]``, and left out wherever a row is serialised.
            Default ``False``.
        **options: Constraints (``ge``, ``min_length``, ``pattern``, ...), documentation (``title``, ``description``,
            ``examples``) and the column's own (``primary_key``, ``foreign_key``, ``unique``, ``index``, ``sa_type``,
            ...), as SQLModel has them.

    Raises:
        RuntimeError: ``sa_column`` is given together with an option that belongs inside that column.

    Example::

        class Account(Model, table=True):
            id: int | None = Field(default=None, primary_key=True)
            email: str = Field(max_length=254, unique=True)
            password_digest: str = Field(server_set=True, private=True)
    """
    given: dict[str, Any] = dict(options)
    if private:
        given["exclude"] = True  # from every way of writing a row down, also inside of a plain dict
    extra = dict(given.pop("schema_extra", None) or {})
    extra.update((name, given.pop(name)) for name in _PYDANTIC_ONLY if name in given)
    info: FieldInfo = SQLModelField(default, default_factory=default_factory, alias=alias, schema_extra=extra, **given)
    if server_set or private:
        info.metadata.append(Visibility(server_set, private))
    return info


def visibility(field: FieldInfo) -> Visibility:
    """Who sets and sees ``field``; a field that says nothing is set and seen by the client."""
    return next((mark for mark in field.metadata if isinstance(mark, Visibility)), _OPEN)
