"""What a client can ask of a list, as a pydantic model of its query parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
from sqlalchemy import or_
from sqlmodel import col, select

from velox.db.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from velox.errors import ConfigurationError
from velox.resources.columns import usable
from velox.resources.cursor import Cursors
from velox.resources.filters import conditions, filters_of, storable_text
from velox.resources.ordering import Order
from velox.routing.annotation import base_type

__all__ = ["Questions"]

MOST_WORDS = 10
"""Of one search."""


class Questions:
    """The lists of one table class.

    Args:
        model: The table class.
        filterable, sortable: Fields beside those that have an index.
        searchable: The text fields that ``q`` looks into; empty: there is no ``q``.
        shown: The fields that a client gets to see.
        relations: The relationships that it can ask for.

    Attributes:
        asked: The parameters that choose rows: filters and ``q``.
        paged: Those, and the slice, the order and the fields.
        cursors: The cursors of its lists.

    Raises:
        ConfigurationError: VX417, a field cannot be used so.
    """

    def __init__(
        self,
        model: Any,
        *,
        filterable: Sequence[str],
        sortable: Sequence[str],
        searchable: Sequence[str],
        shown: Sequence[str],
        relations: Sequence[str],
    ) -> None:
        self.model = model
        self._searched = [col(getattr(model, name)) for name in _texts(model, searchable)]
        self._filters = filters_of(model, usable(model, shown, filterable, "filter"))
        orders = usable(model, shown, sortable, "sort")
        self.cursors = Cursors(model, orders)
        found = {
            each.name: (each.annotation | None, Field(default=None, description=each.description))
            for each in self._filters.values()
        }
        if self._searched:
            words = f"Words that all are in {', '.join(searchable)}"
            text = Annotated[str, AfterValidator(storable_text)]
            found["q"] = (text | None, Field(default=None, max_length=200, description=words))
        slices = _slices(orders, shown, relations)
        if clashing := found.keys() & slices.keys():
            raise ConfigurationError(
                "VX417",
                f"the resource of {model.__name__} cannot filter by {min(clashing)!r}: a list has a parameter of that"
                " name",
                hint="Rename the field, or remove its index and write the handler yourself",
            )
        strict = ConfigDict(extra="forbid")  # a filter with a slip in its name would answer everything
        self.asked = _model(f"{model.__name__}Filter", strict, {**found, "sort": slices["sort"]})
        self.paged = _model(f"{model.__name__}Query", strict, {**found, **slices})

    def order(self, query: Any) -> Order:
        return Order(self.model, query.sort)

    def statement(self, query: Any, narrowed: Sequence[Any]) -> Any:
        """The rows that ``query`` asks for, out of those for which ``narrowed`` holds, in no order yet."""
        searched = [
            or_(*(column.icontains(word, autoescape=True) for column in self._searched))
            for word in (getattr(query, "q", None) or "").split()[:MOST_WORDS]
        ]
        return select(self.model).where(*narrowed, *conditions(self._filters, query), *searched)


def _slices(orders: list[str], shown: Sequence[str], relations: Sequence[str]) -> dict[str, Any]:
    choices = tuple(sign + name for name in orders for sign in ("", "-"))
    found: dict[str, Any] = {
        "limit": (int, Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="The most items to answer")),
        "offset": (int, Field(default=0, ge=0, le=MAX_OFFSET, description="How many to skip")),
        "cursor": (
            str | None,
            Field(default=None, max_length=4000, description="The next_cursor of the page before; it replaces offset"),
        ),
        "sort": (
            Literal[choices],
            Field(default=choices[0], description="What to sort by; descending with a - before it"),
        ),
        "fields": (
            list[Literal[tuple(shown)]] | None,  # type: ignore[misc]
            Field(default=None, description="Only these fields of each item; repeat it for several"),
        ),
    }
    if relations:
        found["expand"] = (
            list[Literal[tuple(relations)]] | None,  # type: ignore[misc]
            Field(default=None, description="Related rows to answer with each item; repeat it for several"),
        )
    return found


def _model(name: str, config: ConfigDict, fields: dict[str, Any]) -> type[BaseModel]:
    made: type[BaseModel] = create_model(name, __config__=config, **fields)
    return made


def _texts(model: Any, names: Sequence[str]) -> list[str]:
    for name in names:
        usable(model, (), [name], "search")
        if base_type(model.model_fields[name].annotation) is not str:
            raise ConfigurationError(
                "VX417", f"the resource of {model.__name__} cannot search in {name!r}: it is no text",
                hint="Name fields of type str",
            )  # fmt: skip
    return list(names)
