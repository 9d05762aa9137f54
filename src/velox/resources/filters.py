"""Filters: query parameters, and the conditions that they stand for.

?status=paid          is equal to
?status__in=a&...=b   is one of
?price__ge=10         is at least; also __gt, __le, __lt
?slug__prefix=ve      begins with (text only; case counts as the server's collation has it)
?parent__null=true    has no value (columns that may have none)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from operator import ge, gt, le, lt
from typing import Annotated, Any
from uuid import UUID

from annotated_types import MaxLen
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from velox.db.tables import column_of
from velox.resources.columns import value_type
from velox.routing.annotation import base_type

__all__ = ["Filter", "conditions", "filters_of", "storable_text"]

MOST_VALUES = 100
"""Of one ``__in``: a statement has a place for each."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter."""

    name: str
    """``price__ge``."""
    annotation: Any
    description: str
    condition: Callable[[Any], Any]
    """From the value to SQLAlchemy's condition."""


def storable_text(text: Any) -> Any:
    """``text`` without NUL, which PostgreSQL knows in no text: nothing stored has one."""
    if isinstance(text, str) and "\0" in text:
        raise PydanticCustomError("string_nul", "Input should have no NUL character")
    return text


def filters_of(model: Any, names: list[str]) -> dict[str, Filter]:
    """The filters for the fields called ``names``, by their parameters' names."""
    found = [each for name in names for each in _of_field(model, name)]
    return {each.name: each for each in found}


def conditions(filters: Mapping[str, Filter], query: Any) -> list[Any]:
    """What a request's ``query`` asks for."""
    given = {name: getattr(query, name) for name in query.model_fields_set if name in filters}
    return [filters[name].condition(value) for name, value in given.items() if value is not None]


def _of_field(model: Any, name: str) -> Iterator[Filter]:
    column, one = getattr(model, name), value_type(model, name)
    base = base_type(model.model_fields[name].annotation)
    if base is str:
        one = Annotated[one, AfterValidator(storable_text)]
    yield Filter(name, one, f"{name} is equal to it", lambda value: column == value)
    if base is not bool:
        several = Annotated[list[one], MaxLen(MOST_VALUES)]  # type: ignore[valid-type]
        yield Filter(f"{name}__in", several, f"{name} is one of these", column.in_)
    if not (isinstance(base, type) and issubclass(base, (bool, Enum, UUID))):
        for suffix, words, compare in COMPARISONS:
            yield Filter(f"{name}__{suffix}", one, f"{name} is {words} it", _comparing(column, compare))
    if base is str:
        yield Filter(
            f"{name}__prefix", one, f"{name} begins with it", lambda value: column.startswith(value, autoescape=True)
        )
    if column_of(model, name).nullable:
        yield Filter(
            f"{name}__null",
            bool,
            f"Whether {name} has no value",
            lambda value: column.is_(None) if value else column.is_not(None),
        )


COMPARISONS = (("gt", "more than", gt), ("ge", "at least", ge), ("lt", "less than", lt), ("le", "at most", le))


def _comparing(column: Any, compare: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    return lambda value: compare(column, value)
