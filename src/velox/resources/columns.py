"""Which columns of a table class a client may filter and sort by."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Annotated, Any

from velox.db.field import visibility
from velox.db.inputs import column_constraints
from velox.db.page import sortable
from velox.db.tables import column_of, is_table_class
from velox.errors import ConfigurationError
from velox.routing.annotation import base_type, is_scalar

__all__ = ["check_model", "key_of", "usable", "value_type"]


def check_model(model: Any) -> None:
    """Whether a resource can be made of ``model``.

    Raises:
        ConfigurationError: VX416, it is no table class, or its primary key has several columns.
    """
    name = getattr(model, "__name__", str(model))
    if not is_table_class(model):
        raise ConfigurationError(
            "VX416", f"{name} is no table class", hint=f"Declare it as class {name}(Model, table=True)"
        )
    if len(model.__table__.primary_key) != 1:
        raise ConfigurationError(
            "VX416",
            f"the primary key of {name} has several columns, and a resource has one in its path",
            hint="Write the handlers yourself (velox makeapp), or give the table an id",
        )


def key_of(model: Any) -> str:
    """The field of the primary key."""
    (column,) = model.__table__.primary_key
    return str(model.__mapper__.get_property_by_column(column).key)


def usable(model: Any, shown: Collection[str], opted_in: Iterable[str], use: str) -> list[str]:
    """The fields by which one may ``use`` ("filter" or "sort"): the primary key, those that an index makes cheap and
    that a client gets to see, and ``opted_in``.

    Raises:
        ConfigurationError: VX417, one of ``opted_in`` is no field, is private, or holds no single comparable value.
    """
    seen = {key_of(model), *shown}
    names = [name for name in sortable(model) if name in seen and _is_comparable(model, name, use)]
    for name in opted_in:
        if name not in model.model_fields:
            raise _unusable(model, name, use, "there is no such field", "Name a field of the class")
        if visibility(model.model_fields[name]).private:
            raise _unusable(
                model, name, use, "it is private, and the order or the number of rows would tell what it holds",
                "Leave it out",
            )  # fmt: skip
        if not _is_comparable(model, name, use):
            raise _unusable(model, name, use, "its values have no order of their own, or are many", "Leave it out")
        if name not in names:
            names.append(name)
    return names


def value_type(model: Any, name: str) -> Any:
    """The type of a value to compare the field with: as the column keeps it, and never ``None``."""
    field = model.model_fields[name]
    constraints = column_constraints(field, column_of(model, name))
    base = base_type(field.annotation)
    return Annotated[(base, *constraints)] if constraints else base


def _is_comparable(model: Any, name: str, use: str) -> bool:
    base = base_type(model.model_fields[name].annotation)
    # Servers keep an enumeration in an order of their own, which is not the one in which they compare it.
    has_order = not (isinstance(base, type) and issubclass(base, (Enum, bool))) or use == "filter"
    return is_scalar(base) and base is not bytes and has_order


def _unusable(model: Any, name: str, use: str, why: str, hint: str) -> ConfigurationError:
    return ConfigurationError("VX417", f"the resource of {model.__name__} cannot {use} by {name!r}: {why}", hint=hint)
