"""Questions to a table class."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column
from sqlalchemy.orm import Mapper, RelationshipDirection
from sqlmodel import SQLModel

from velox.errors import ConfigurationError

__all__ = ["column_of", "is_table_class", "parents_of", "table_class"]


def is_table_class(model: object) -> bool:
    """Whether ``model`` is a class with a table (``table=True``)."""
    return isinstance(model, type) and issubclass(model, SQLModel) and hasattr(model, "__table__")


def table_class(model: Any, user: str) -> type[Any]:
    """``model``, if it is a table class with fields that are all known.

    Args:
        model: What stands in the brackets.
        user: What the brackets belong to, for the message: ``"Create"``.

    Raises:
        ConfigurationError: VX403, it is not.
    """
    name = getattr(model, "__name__", str(model))
    if not is_table_class(model):
        raise ConfigurationError(
            "VX403",
            f"{user}[{name}] needs a table class, and {name} is none",
            hint=f"Declare it as class {name}(Model, table=True), or use {name} itself where a plain model is meant.",
        )
    if not model.__pydantic_fields_complete__:
        model.model_rebuild()
    return model  # type: ignore[no-any-return]


def column_of(model: type[Any], field: str) -> Column[Any]:
    """The column behind the field called ``field``."""
    return model.__mapper__.columns[field]  # type: ignore[no-any-return]


def parents_of(model: type[Any]) -> dict[str, tuple[str, type[Any]] | None]:
    """The fields of ``model`` that refer to another row → the relationship that follows, and the class it leads to;
    ``None`` where no relationship does.
    """
    mapper: Mapper[Any] = model.__mapper__
    found: dict[str, tuple[str, type[Any]] | None] = {
        mapper.get_property_by_column(column).key: None for column in mapper.local_table.c if column.foreign_keys
    }
    for relationship in mapper.relationships:
        if relationship.direction is RelationshipDirection.MANYTOONE:
            for column in relationship.local_columns:
                found[mapper.get_property_by_column(column).key] = (relationship.key, relationship.mapper.class_)
    return found
