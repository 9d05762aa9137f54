"""A row as JSON and back, for every type that a column can have.

The models' own classes are left out: an Enum is its member's name, a JSON column what is stored in it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Enum, MetaData, Table
from sqlalchemy.types import TypeEngine

from velox.db.types import TypedJSON, python_type

__all__ = ["plain_table", "read_value", "written_value"]


def plain_table(table: Table) -> Table:
    """``table`` with its columns alone, of types that know nothing of the project's code."""
    columns = [Column(column.name, _plain(column.type), primary_key=column.primary_key) for column in table.columns]
    return Table(table.name, MetaData(), *columns)


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(kind, TypedJSON):
        return JSON(none_as_null=True)
    if isinstance(kind, Enum):
        return Enum(*kind.enums, name=kind.name)
    return kind


def written_value(value: Any) -> Any:
    """``value`` in the form in which it goes into JSON."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal() | UUID():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return value


_READERS: dict[type, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    timedelta: lambda seconds: timedelta(seconds=seconds),
    Decimal: Decimal,
    UUID: UUID,
    bytes: base64.b64decode,
}


def read_value(value: Any, kind: TypeEngine[Any]) -> Any:
    """The value of a column of type ``kind`` that was written as ``value``."""
    if value is None:
        return None
    reader = _READERS.get(python_type(kind) or object)
    return value if reader is None else reader(value)
