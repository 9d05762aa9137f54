"""What PostgreSQL wants of a migration besides the operations themselves.

An Enum is a type of its own there: made before the first column that has it, and dropped after the last. And a column
changes to another family of types only by a cast.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from alembic.ddl.impl import DefaultImpl
from sqlalchemy import Column, Connection, Enum, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

__all__ = ["attend"]

_USED = """
SELECT DISTINCT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
JOIN pg_attribute a ON a.atttypid = t.oid AND NOT a.attisdropped AND a.attnum > 0
WHERE t.typtype = 'e' AND n.nspname = current_schema()
"""


def attend(impl: DefaultImpl, connection: Connection) -> None:
    """Let ``impl``, through which all operations go, make and drop Enums, and cast."""
    do = {name: getattr(impl, name) for name in ("create_table", "add_column", "drop_table", "drop_column")}
    alter = impl.alter_column

    def create_table(table: Table, **options: Any) -> None:
        _make_enums(connection, list(table.columns))
        do["create_table"](table, **options)

    def add_column(table: str, column: Column[Any], **options: Any) -> None:
        _make_enums(connection, [column])
        do["add_column"](table, column, **options)

    def alter_column(table: str, column: str, **options: Any) -> None:
        alter(table, column, **_cast(connection, column, **options))

    # Alembic has no other way to add to what an operation does on one server.
    for name, attended in (
        ("create_table", create_table),
        ("add_column", add_column),
        ("drop_table", _dropping(connection, do["drop_table"])),
        ("drop_column", _dropping(connection, do["drop_column"])),
        ("alter_column", alter_column),
    ):
        setattr(impl, name, attended)


def _make_enums(connection: Connection, columns: Collection[Column[Any]]) -> None:
    """Make the types of ``columns`` that are not there, and keep SQLAlchemy from making them once more."""
    for column in columns:
        if isinstance(column.type, Enum) and column.type.native_enum:
            kind: Any = column.type.dialect_impl(connection.dialect)
            postgresql.ENUM(*column.type.enums, name=str(column.type.name)).create(connection, checkfirst=True)
            kind.create_type = False


def _dropping(connection: Connection, drop: Callable[..., None]) -> Callable[..., None]:
    """``drop``, and then the Enums that nothing uses any more."""

    def both(*args: Any, **options: Any) -> None:
        before = _used(connection)
        drop(*args, **options)
        for name in sorted(before - _used(connection)):
            connection.execute(text(f"DROP TYPE {connection.dialect.identifier_preparer.quote(name)}"))

    return both


def _used(connection: Connection) -> set[str]:
    return set(connection.scalars(text(_USED)))


def _cast(
    connection: Connection,
    column: str,
    *,
    type_: TypeEngine[Any] | None = None,
    existing_type: TypeEngine[Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The options of ``alter_column``, with a cast where the types are not of one family."""
    options.update({"type_": type_, "existing_type": existing_type})
    if type_ is None or existing_type is None or "postgresql_using" in options:
        return options
    if type_._type_affinity is not existing_type._type_affinity:
        name = connection.dialect.identifier_preparer.quote(column)
        kind = connection.dialect.type_compiler_instance.process(type_)
        options["postgresql_using"] = f"{name}::text::{kind}"
    return options
