"""The order of a list: by one column, then by the primary key, so that no two rows are at one place.

Rows without a value come last, in both directions and on every server: SQLite and MariaDB think NULL less than
everything, PostgreSQL more. That costs the index of a column that may be NULL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, true
from sqlmodel import col

from velox.db.tables import column_of
from velox.resources.columns import key_of

__all__ = ["Order"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the rows of ``model``."""

    model: Any
    sort: str
    """A field's name, with a ``-`` before it for descending."""

    @property
    def field(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def names(self) -> tuple[str, ...]:
        """The fields whose values are a row's place."""
        return tuple(dict.fromkeys([self.field, key_of(self.model)]))

    def by(self) -> list[Any]:
        """The ``ORDER BY`` expressions."""
        column = col(getattr(self.model, self.field))
        nulls = [column.is_(None)] if column_of(self.model, self.field).nullable else []
        chosen = column.desc() if self.sort.startswith("-") else column.asc()
        return [*nulls, chosen, *(getattr(self.model, name) for name in self.names[1:])]

    def place(self, row: Any) -> list[Any]:
        """Where ``row`` is."""
        return [getattr(row, name) for name in self.names]

    def after(self, place: list[Any]) -> Any:
        """The condition of all rows that come after ``place``."""
        column, value = col(getattr(self.model, self.field)), place[0]
        ties = col(getattr(self.model, self.names[1])) > place[1] if len(place) > 1 else None
        if value is None:
            return and_(column.is_(None), ties if ties is not None else true())
        further = column < value if self.sort.startswith("-") else column > value
        ways = [further]
        if ties is not None:
            ways.append(and_(column == value, ties))
        if column_of(self.model, self.field).nullable:
            ways.append(column.is_(None))
        return or_(*ways)
