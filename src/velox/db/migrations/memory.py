"""The column types that migrations wrote, as they wrote them.

SQLite forgets most of a type: an Enum is a VARCHAR, a Decimal a FLOAT. A model that changes its Enum or its precision
looks the same there, and would differ on the server of production. So while migrations run on a clone, we listen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from alembic.ddl.impl import DefaultImpl
from sqlalchemy import Column, Enum, Table
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeEngine

__all__ = ["Memory", "meaning"]

_REBUILT = "_alembic_tmp_"
"""What Alembic calls a table while it makes it anew, on SQLite."""

_SERVERS = (postgresql.dialect(), mysql.dialect())


def meaning(kind: TypeEngine[Any]) -> tuple[object, ...]:
    """What ``kind`` is on the servers that keep types apart; equal for types that make no difference to any."""
    names = []
    for server in _SERVERS:
        try:
            names.append(server.type_compiler_instance.process(kind.dialect_impl(server)))
        except (CompileError, NotImplementedError, TypeError):
            names.append(type(kind).__name__)  # that server has no such type
    members = tuple(kind.enums) if isinstance(kind, Enum) else ()
    return (*names, members)


class Memory:
    """Table → column → type, told by Alembic while it works."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, TypeEngine[Any]]] = {}

    def type_of(self, table: str, column: str) -> TypeEngine[Any] | None:
        """What a migration has last said of a column; ``None`` if none has (raw SQL made it, say)."""
        return self._tables.get(table, {}).get(column)

    def retype(self, kind: TypeEngine[Any], columns: Iterable[tuple[str, ...]]) -> None:
        """Columns, each as table and name, have another type now."""
        for table, column in columns:
            self._tables.setdefault(table, {})[column] = kind

    def listen(self, impl: DefaultImpl) -> None:
        """Hear what ``impl``, through which all operations go, is asked to do."""
        impl.memo[Memory] = self
        for name, hear in self._ears().items():
            setattr(impl, name, _heard(hear, getattr(impl, name)))

    def _ears(self) -> dict[str, Callable[..., None]]:
        return {
            "create_table": self._create_table,
            "drop_table": self._drop_table,
            "rename_table": self._rename_table,
            "add_column": self._add_column,
            "drop_column": self._drop_column,
            "alter_column": self._alter_column,
        }

    def _create_table(self, table: Table, **_: Any) -> None:
        columns = {column.name: column.type for column in table.columns}
        before = self._tables.get(table.name.removeprefix(_REBUILT), {})
        if table.name.startswith(_REBUILT):
            columns = _without_losses(columns, before)
        self._tables[table.name] = columns

    def _drop_table(self, table: Table, **_: Any) -> None:
        self._tables.pop(table.name, None)

    def _rename_table(self, old: str, new: str, **_: Any) -> None:
        if old in self._tables:
            self._tables[str(new)] = self._tables.pop(str(old))

    def _add_column(self, table: str, column: Column[Any], **_: Any) -> None:
        self._tables.setdefault(table, {})[column.name] = column.type

    def _drop_column(self, table: str, column: Column[Any], **_: Any) -> None:
        self._tables.get(table, {}).pop(column.name, None)

    def _alter_column(
        self, table: str, column: str, *, name: str | None = None, type_: TypeEngine[Any] | None = None, **_: Any
    ) -> None:
        columns = self._tables.setdefault(table, {})
        kind = type_ if type_ is not None else columns.get(column)
        columns.pop(column, None)
        if kind is not None:
            columns[name or column] = kind


def _heard(hear: Callable[..., None], do: Callable[..., Any]) -> Callable[..., Any]:
    def both(*args: Any, **options: Any) -> Any:
        result = do(*args, **options)
        hear(*args, **options)
        return result

    return both


def _without_losses(
    columns: dict[str, TypeEngine[Any]], before: dict[str, TypeEngine[Any]]
) -> dict[str, TypeEngine[Any]]:
    """The columns of a rebuilt table: what was only read back from SQLite keeps the type that was known before."""
    gone = [name for name in before if name not in columns]
    new = [name for name in columns if name not in before]
    renamed = {new[0]: gone[0]} if len(new) == len(gone) == 1 else {}

    def known(name: str, kind: TypeEngine[Any]) -> TypeEngine[Any]:
        # Types read from a database are SQL's, in capitals: VARCHAR. A migration writes Python's: String, Enum.
        was_read = type(kind).__name__.isupper()
        return before.get(renamed.get(name, name), kind) if was_read else kind

    return {name: known(name, kind) for name, kind in columns.items()}
