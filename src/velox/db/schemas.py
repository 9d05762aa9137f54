"""``Create[T]``, ``Update[T]``, ``Public[T]``: what goes in and out, derived from a table class.

    a column that is ...            Create                Update                Public
    plain                           as declared           optional              required
    with a default                  optional              optional              required
    a primary key with a default    -                     -                     required, never null
    a primary key without one       required              -                     required
    server_set or computed          -                     -                     required
    private                         as above              as above              -
    a relationship                  -                     -                     -

A class ``Create``, ``Update`` or ``Public`` nested in the table class takes the place of the derived one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, create_model, field_validator
from pydantic import Field as PydanticField
from pydantic.fields import FieldInfo

from velox.db.borrowed import FieldInfoMetadata
from velox.db.field import Visibility, visibility
from velox.db.inputs import column_constraints
from velox.db.tables import column_of, is_table_class, table_class
from velox.errors import ConfigurationError

__all__ = ["Create", "Public", "Update"]

_ROW_CONFIG = {"table", "registry", "from_attributes", "read_from_attributes", "read_with_orm_mode"}
_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")  # JSON has no bytes, and not all are UTF-8
_INPUT = ConfigDict(extra="forbid", allow_inf_nan=False, **_BYTES)  # SQLite stores NaN as NULL
_OUTPUT = ConfigDict(from_attributes=True, **_BYTES)

if TYPE_CHECKING:
    T = TypeVar("T")
    # For a type checker each of them is the table class, so that the attributes of a body are known.
    Create = Annotated[T, "what a client sends to make one"]
    Update = Annotated[T, "what a client sends to change one"]
    Public = Annotated[T, "what a client gets to see of one"]
else:

    class Create:
        """``Create[Link]``: a pydantic model of what a client sends to make a ``Link``.

        Every constraint of the fields is enforced, and so are the validators of the table class; an unknown field is
        refused.

        Raises:
            ConfigurationError: VX403, ``Link`` is no table class, or its nested ``Create`` is no plain pydantic model.
        """

        def __class_getitem__(cls, model: Any) -> type[BaseModel]:
            return _schema(table_class(model, "Create"), "Create")

    class Update:
        """``Update[Link]``: a pydantic model of what a client sends to change a ``Link``.

        Every field may be left out. One that was left out reads as ``None`` and is not in ``model_fields_set``, which
        is what ``link.apply(body)`` goes by; an explicit ``null`` is refused unless the column takes it.

        Raises:
            ConfigurationError: VX403, as for ``Create``.
        """

        def __class_getitem__(cls, model: Any) -> type[BaseModel]:
            return _schema(table_class(model, "Update"), "Update")

    class Public:
        """``Public[Link]``: a pydantic model of what a client gets to see of a ``Link``.

        It serialises rows as they are, without validating them again; its ``__velox_row__`` is the class whose rows
        fit.

        Raises:
            ConfigurationError: VX403, as for ``Create``.
        """

        def __class_getitem__(cls, model: Any) -> type[BaseModel]:
            return _schema(table_class(model, "Public"), "Public")


@cache
def _schema(model: type[Any], kind: str) -> type[BaseModel]:
    nested = model.__dict__.get(kind)
    if nested is None:
        nested = next((base.__dict__[kind] for base in model.__mro__ if kind in base.__dict__), None)
    schema = _derived(model, kind) if nested is None else _nested(model, kind, nested)
    if kind == "Public" and _fits_rows(schema, model):
        schema.__velox_row__ = model  # type: ignore[attr-defined]
    return schema


def _nested(model: type[Any], kind: str, nested: Any) -> type[BaseModel]:
    """The class that the user wrote, under a name that says whose it is."""
    if not (isinstance(nested, type) and issubclass(nested, BaseModel)) or is_table_class(nested):
        raise ConfigurationError(
            "VX403",
            f"{model.__name__}.{kind} is not a plain pydantic model",
            hint=f"Declare it as class {kind}(BaseModel) inside {model.__name__}.",
        )
    schema: type[BaseModel] = create_model(
        f"{model.__name__}{kind}", __base__=nested, __module__=model.__module__, __doc__=nested.__doc__
    )
    return schema


def _derived(model: type[Any], kind: str) -> type[BaseModel]:
    definition = {"Create": _created, "Update": _updated, "Public": _shown}[kind]
    fields = {name: found for name, field in model.model_fields.items() if (found := definition(model, name, field))}
    config = {key: value for key, value in model.model_config.items() if key not in _ROW_CONFIG}
    schema: type[BaseModel] = create_model(
        f"{model.__name__}{kind}",
        __config__=ConfigDict(**{**config, **(_OUTPUT if kind == "Public" else _INPUT)}),
        __doc__=model.__dict__.get("__doc__"),
        __module__=model.__module__,
        __validators__={} if kind == "Public" else dict(_validators(model, fields.keys())),
        **fields,
    )
    return schema


def _created(model: type[Any], name: str, field: FieldInfo) -> Any:
    column = column_of(model, name)
    if visibility(field).server_set or column.computed is not None or (column.primary_key and not field.is_required()):
        return None
    default = {} if field.is_required() else _default(field)
    return _input(field, column, field.annotation), PydanticField(**default, **_description(field))


def _updated(model: type[Any], name: str, field: FieldInfo) -> Any:
    column = column_of(model, name)
    if visibility(field).server_set or column.computed is not None or column.primary_key:
        return None
    annotation = field.annotation if column.nullable else _without_none(field.annotation)
    # A factory, since a plain default would be documented, and null is no value that the client could send.
    return _input(field, column, annotation), PydanticField(default_factory=lambda: None, **_description(field))


def _shown(model: type[Any], name: str, field: FieldInfo) -> Any:
    if visibility(field).private or field.exclude:
        return None
    annotation = field.annotation if column_of(model, name).nullable else _without_none(field.annotation)
    return _annotated(annotation, _metadata(field)), PydanticField(**_description(field))


def _input(field: FieldInfo, column: Any, annotation: Any) -> Any:
    return _annotated(annotation, [*_metadata(field), *column_constraints(field, column)])


def _annotated(annotation: Any, metadata: list[Any]) -> Any:
    return Annotated[(annotation, *metadata)] if metadata else annotation


def _metadata(field: FieldInfo) -> list[Any]:
    return [item for item in field.metadata if not isinstance(item, FieldInfoMetadata | Visibility)]


def _default(field: FieldInfo) -> dict[str, Any]:
    return {"default": field.default} if field.default_factory is None else {"default_factory": field.default_factory}


_DESCRIPTION = (
    "title", "description", "examples", "alias", "validation_alias", "serialization_alias", "deprecated",
    "discriminator", "json_schema_extra",
)  # fmt: skip


def _description(field: FieldInfo) -> dict[str, Any]:
    return {name: value for name in _DESCRIPTION if (value := getattr(field, name)) is not None}


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(item for item in get_args(annotation) if item is not NoneType)]  # noqa: UP007 - made of a tuple
    return annotation


def _validators(model: type[Any], names: Any) -> Iterator[tuple[str, Any]]:
    """The table class' own ``@field_validator`` functions, for the fields that are inputs: SQLModel runs none of them
    on a table.
    """
    for name, decorator in model.__pydantic_decorators__.field_validators.items():
        fields = [field for field in decorator.info.fields if field == "*" or field in names]
        if fields:
            function = getattr(decorator.func, "__func__", decorator.func)
            yield name, field_validator(*fields, mode=decorator.info.mode)(classmethod(function))  # type: ignore[no-untyped-call]


def _fits_rows(schema: type[BaseModel], model: type[Any]) -> bool:
    """Whether ``schema`` can serialise a row as it is: it shows columns only, and computes nothing from ``self``."""
    decorators = schema.__pydantic_decorators__
    computes = decorators.computed_fields or decorators.field_serializers or decorators.model_serializers
    return not computes and schema.model_fields.keys() <= model.model_fields.keys()
