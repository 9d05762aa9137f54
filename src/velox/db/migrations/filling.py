"""Columns that must have a value, in tables that have rows: what the existing rows get."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from alembic.operations.ops import AddColumnOp, AlterColumnOp, ModifyTableOps, UpgradeOps
from pydantic_core import to_json
from sqlalchemy import Column, ColumnClause, Connection, Date, DateTime, Enum, MetaData, func, sql
from sqlalchemy.types import TypeEngine

from velox.db.migrations.choices import Choices, undecided
from velox.db.migrations.comparing import flat
from velox.db.types import TypedJSON, python_type

__all__ = ["Fill", "fills", "fills_back"]

_EMPTY: dict[object, str] = {list: "[]", dict: "{}"}


class Fill:
    """The value that existing rows get in one column.

    Args:
        table: The table's name.
        column: The column of the model.
        value: A constant as text, or an expression of the server (``CURRENT_TIMESTAMP``).
        added: The column is new; otherwise it took NULL until now.
    """

    def __init__(self, table: str, column: Column[Any], value: str | sql.ColumnElement[Any], *, added: bool) -> None:
        self.table = table
        self.column = column
        self.value = value
        self.added = added

    @property
    def shown(self) -> str:
        return self.value if isinstance(self.value, str) else "the current time"

    def forget_default(self) -> ModifyTableOps:
        """Takes the default off again, once it has filled the existing rows: from then on, the app sets the value."""
        operation = AlterColumnOp(
            self.table,
            self.column.name,
            existing_type=self.column.type,
            existing_nullable=False,
            modify_server_default=None,
        )
        return ModifyTableOps(self.table, [operation])

    def update(self, connection: Connection) -> str:
        """The SQL that fills what is NULL."""
        column: ColumnClause[Any] = sql.column(self.column.name)
        value = sql.literal_column(f"'{self.value.replace(chr(39), chr(39) * 2)}'") if self._is_text else self.value
        statement = sql.table(self.table, column).update().where(column.is_(None)).values({column: value})
        return " ".join(str(statement.compile(connection, compile_kwargs={"literal_binds": True})).split())

    @property
    def _is_text(self) -> bool:
        return isinstance(self.value, str)


def fills(operations: UpgradeOps, metadata: MetaData, choices: Choices) -> list[Fill]:
    """A fill for each column in ``operations`` that takes no NULL and has rows to think of.

    Raises:
        ConfigurationError: VX410, nothing says what the rows get, or the value does not fit.
    """
    return [
        Fill(table, column, _value(table, column, choices), added=added)
        for table, demanded, added in _demanding(operations)
        for column in [metadata.tables[table].columns[demanded.name]]
    ]


def fills_back(operations: UpgradeOps) -> list[Fill]:
    """The same for the way back: what was in the column is lost, so rows get what is nothing in its type."""
    return [
        Fill(table, column, nothing, added=added)
        for table, column, added in _demanding(operations)
        if (nothing := _nothing(column.type)) is not None
    ]


def _demanding(operations: UpgradeOps) -> Iterator[tuple[str, Column[Any], bool]]:
    """Table, column, and whether it is new."""
    for each in flat(operations):
        if isinstance(each, AddColumnOp):
            column = each.column
            if not column.nullable and column.server_default is None and column.computed is None:
                yield each.table_name, column, True
        elif isinstance(each, AlterColumnOp) and each.modify_nullable is False:
            kind = each.modify_type if each.modify_type is not None else each.existing_type
            yield each.table_name, Column(each.column_name, kind), False


def _value(table: str, column: Column[Any], choices: Choices) -> str | sql.ColumnElement[Any]:
    name = f"{table}.{column.name}"
    given = choices.defaults.get(name)
    if given is None and (own := _own_default(column)) is not None:
        return own
    if given is None and choices.ask_default is not None:
        given = choices.ask_default(name)
    if given is None:
        raise undecided(
            f"{name} must not be empty, and has no default that rows which are already there could get",
            f"Give it one in the model (Field(default=...)), say it once (--default {name}=VALUE), "
            "or let it be empty (| None).",
        )
    try:
        return _checked(given, column.type)
    except (ArithmeticError, InvalidOperation, LookupError, ValueError) as error:
        kind = python_type(column.type)
        raise undecided(
            f"{given!r} is no value for {name} ({getattr(kind, '__name__', kind)})", f"Say --default {name}=VALUE anew."
        ) from error


def _own_default(column: Column[Any]) -> str | sql.ColumnElement[Any] | None:
    """The model's own default, where one value fits all rows."""
    default: Any = column.default
    if default is None:
        return None
    if default.is_scalar:
        return _literal(default.arg, column.type)
    if default.is_callable:
        factory = getattr(default.arg, "__wrapped__", default.arg)
        if factory in _EMPTY:
            return _EMPTY[factory]
        # Whatever makes a moment, makes the present one: created_at and the like.
        if isinstance(_implemented(column.type), DateTime | Date):
            return func.current_timestamp() if isinstance(_implemented(column.type), DateTime) else func.current_date()
        if isinstance(column.type, TypedJSON):
            return _literal(default.arg(None), column.type)
    return None


def _literal(value: Any, kind: TypeEngine[Any]) -> str | None:
    match value:
        case enum.Enum() if isinstance(kind, Enum):
            return value.name
        case enum.Enum():
            return _literal(value.value, kind)
        case bool():
            return "1" if value else "0"
        case int() | float() | Decimal() | str():
            return str(value)
        case datetime():
            return str(value.replace(tzinfo=None))
        case date() | time():
            return str(value)
        case UUID():
            return value.hex
        case bytes():
            return value.decode() if value == b"" else None
        case list() | dict():
            return to_json(value).decode()
        case _:
            return None


_NOTHING: dict[type, str] = {
    str: "",
    bytes: "",
    bool: "0",
    int: "0",
    float: "0",
    Decimal: "0",
    date: "1970-01-01",
    datetime: "1970-01-01 00:00:00",
    time: "00:00:00",
    UUID: UUID(int=0).hex,
    dict: "{}",
}


def _nothing(kind: TypeEngine[Any]) -> str | None:
    return kind.enums[0] if isinstance(kind, Enum) else _NOTHING.get(python_type(kind) or object)


def _checked(text: str, kind: TypeEngine[Any]) -> str:
    """``text`` in the form that every server takes for ``kind``."""
    if isinstance(kind, Enum):
        if text not in kind.enums:
            raise LookupError(text)
        return text
    python: Any = python_type(kind)
    if python is bool:
        return {"true": "1", "1": "1", "false": "0", "0": "0"}[text.lower()]
    if python in {int, float, Decimal}:
        python(text)
    elif python in {date, datetime, time}:
        python.fromisoformat(text)
    elif python is UUID:
        return UUID(text).hex
    return text


def _implemented(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return getattr(kind, "impl_instance", kind)
