"""``Page`` and ``PageQuery``: one slice of a list, and how a client asks for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, create_model
from pydantic import Field as PydanticField
from sqlalchemy import UniqueConstraint

from velox.db.field import visibility
from velox.db.tables import column_of, table_class

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "MAX_OFFSET", "Page", "PageQuery", "sortable"]

T = TypeVar("T")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 2**31
"""The database walks over every skipped row; further in, a list needs a filter instead."""


class Page(BaseModel, Generic[T]):
    """A slice of a list."""

    items: list[T]
    total: int = PydanticField(ge=0, description="How many there are in all")
    limit: int = PydanticField(ge=1, description="How many were asked for at most")
    offset: int = PydanticField(ge=0, description="How many come before the first of these")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{getattr(params[0], '__name__', params[0])}Page"


class PageQuery(BaseModel, Generic[T]):
    """Which slice of a list, in which order: ``?limit=20&offset=40&sort=-created_at``.

    ``PageQuery[Link]`` sorts by the primary key and by those columns of ``Link`` that have an index (and are not
    private), ascending, or descending with a ``-`` before the name.
    """

    limit: int = PydanticField(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="The most items to answer")
    offset: int = PydanticField(default=0, ge=0, le=MAX_OFFSET, description="How many to skip")
    sort: str = PydanticField(default="", description="The column to sort by; descending with a - before it")

    __velox_row__: ClassVar[type[Any] | None] = None

    if not TYPE_CHECKING:

        def __class_getitem__(cls, model: Any) -> type[BaseModel]:
            return _page_query(table_class(model, "PageQuery"))

    def order(self) -> list[Any]:
        """The ``ORDER BY`` expressions: the chosen column, then the primary key, so that no row is on two pages."""
        model = type(self).__velox_row__
        if model is None:
            return []
        keys = [column.key for column in model.__table__.primary_key]
        name = self.sort.removeprefix("-")
        chosen = getattr(model, name)
        first = chosen.desc() if self.sort.startswith("-") else chosen.asc()
        return [first, *(getattr(model, key) for key in keys if key != name)]


@cache
def _page_query(model: type[Any]) -> type[PageQuery[Any]]:
    names = sortable(model)
    choices = [sign + name for name in names for sign in ("", "-")]
    sort: Any = Annotated[
        Literal[tuple(choices)], PydanticField(description=PageQuery.model_fields["sort"].description)
    ]
    query = create_model(
        f"{model.__name__}PageQuery", __base__=PageQuery, __module__=model.__module__, sort=(sort, names[0])
    )
    query.__velox_row__ = model
    return query


def sortable(model: type[Any]) -> list[str]:
    """The primary key, then the columns that lead an index: sorting by these reads no more than it answers."""
    table = model.__table__
    unique = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    leading = {next(iter(group.columns)).name for group in (*table.indexes, *unique) if len(group.columns)}
    keys: list[str] = []
    others: list[str] = []
    for name, field in model.model_fields.items():
        column = column_of(model, name)
        if column.primary_key:
            keys.append(name)
        elif column.name in leading and not visibility(field).private:
            others.append(name)
    return [*keys, *others]
