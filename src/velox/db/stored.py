"""A row that was written has the values that a later read would return.

Some columns keep the same value in another form: a Decimal with two places shows them both, a moment is in UTC. Reading
each row again would cost a statement, so the form is given to the row here, after each INSERT and UPDATE.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import cache
from typing import Any

from sqlalchemy import Connection, Float
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import UTCDateTime

from velox.db.types import ExactDecimal, TypedJSON

__all__ = ["as_read", "take_stored_form"]


def as_read(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes a written value the one that is read from a column of type ``kind``; ``None`` if they are the same."""
    match kind:
        case ExactDecimal() | TypedJSON():
            return kind.as_read
        case UTCDateTime():
            return lambda moment: moment.astimezone(UTC)
        case Float():
            return lambda number: number + 0.0  # SQLite has no negative zero
        case _:
            return None


def take_stored_form(mapper: Mapper[Any], _connection: Connection, row: Any) -> None:
    """For the mapper events ``after_insert`` and ``after_update``."""
    for name, form in _formed(mapper):
        value = row.__dict__.get(name)
        if value is not None:
            set_committed_value(row, name, form(value))


@cache
def _formed(mapper: Mapper[Any]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    forms = ((attribute.key, as_read(attribute.columns[0].type)) for attribute in mapper.column_attrs)
    return tuple((name, form) for name, form in forms if form is not None)
