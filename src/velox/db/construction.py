"""Making a row: its values are checked together, and put in place without asking SQLAlchemy about each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, create_model
from pydantic import Field as PydanticField
from pydantic.fields import FieldInfo
from sqlalchemy import Column
from sqlalchemy.orm import LoaderCallableStatus
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import SQLModel

from velox.db.borrowed import FieldInfoMetadata
from velox.db.field import Visibility, visibility
from velox.db.inputs import column_constraints
from velox.db.tables import column_of, table_class

__all__ = ["construct"]

_ROW_CONFIG = {"table", "registry", "from_attributes", "read_from_attributes", "read_with_orm_mode"}
_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())
_MISSING = object()


class _Recipe(NamedTuple):
    """How rows of one class are made."""

    schema: type[BaseModel]
    late: frozenset[str]
    """Required fields that may be missing for now: a relationship or the database will set them."""
    watched: frozenset[str]
    """Fields whose changes somebody listens to."""
    relationships: frozenset[str]


def construct(row: SQLModel, values: dict[str, Any]) -> None:
    """Give the new ``row`` its ``values``, and its defaults for those left out.

    Raises:
        pydantic.ValidationError: A name is unknown, a required value is missing, or one does not fit its field.
    """
    recipe = _recipe(type(row))
    related = {name: values.pop(name) for name in recipe.relationships & values.keys()}
    checked = recipe.schema.__pydantic_validator__.validate_python(values, by_alias=True, by_name=True)
    attributes = checked.__dict__
    for name in recipe.late:
        if attributes[name] is _MISSING:
            del attributes[name]
    later = {name: attributes.pop(name) for name in recipe.watched & attributes.keys()}
    state = row.__dict__["_sa_instance_state"]
    row.__dict__.update(attributes)
    # What setting each of them would have left there: the row is new in all of them.
    state.committed_state.update(dict.fromkeys(attributes, LoaderCallableStatus.NO_VALUE))
    state.modified = True
    for name, value in later.items():
        set_attribute(row, name, value)  # SQLModel's own setter writes over what a listener made of the value
    for name, value in related.items():
        setattr(row, name, value)
    object.__setattr__(row, "__pydantic_fields_set__", checked.__pydantic_fields_set__)
    object.__setattr__(row, "__pydantic_extra__", checked.__pydantic_extra__)
    if type(row).__pydantic_post_init__:
        row.model_post_init(None)


@cache
def _recipe(given: type[Any]) -> _Recipe:
    model = table_class(given, given.__name__)
    fields: Mapping[str, FieldInfo] = model.model_fields
    late = frozenset(name for name, field in fields.items() if field.is_required() and _comes_later(model, name))
    config = {key: value for key, value in model.model_config.items() if key not in _ROW_CONFIG}
    definitions: dict[str, Any] = {name: _definition(model, name, field, late) for name, field in fields.items()}
    schema: type[BaseModel] = create_model(
        model.__name__,
        __config__=ConfigDict(**{**_CONFIG, **config, "hide_input_in_errors": _has_secrets(fields)}),
        __module__=model.__module__,
        **definitions,
    )
    watched = frozenset(name for name in fields if getattr(model, name).dispatch.set)
    return _Recipe(schema, late, watched, frozenset(model.__sqlmodel_relationships__))


def _definition(model: type[Any], name: str, field: FieldInfo, late: frozenset[str]) -> tuple[Any, Any]:
    own = [item for item in field.metadata if not isinstance(item, FieldInfoMetadata | Visibility)]
    constraints = [*own, *column_constraints(field, column_of(model, name))]
    alias: Any = field.validation_alias or field.alias
    options: dict[str, Any] = {} if alias is None else {"validation_alias": alias}
    if name in late:
        options["default"] = _MISSING
    elif field.default_factory is not None:
        options["default_factory"] = field.default_factory
    elif not field.is_required():
        options["default"] = field.default
    annotation: Any = Annotated[(field.annotation, *constraints)] if constraints else field.annotation
    return annotation, PydanticField(**options)


def _has_secrets(fields: Mapping[str, FieldInfo]) -> bool:
    """Whether an error must not show a value: it will be in a log."""
    return any(visibility(field).private for field in fields.values())


def _comes_later(model: type[Any], name: str) -> bool:
    column: Column[Any] = column_of(model, name)
    by_database = (column.default, column.server_default, column.computed, column.identity)
    counted = column is model.__table__.autoincrement_column
    return counted or bool(column.foreign_keys) or any(one is not None for one in by_database)
