"""Enums that get or lose a member: each server has its own way, and Alembic has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alembic import op
from alembic.operations.ops import AlterColumnOp, UpgradeOps
from sqlalchemy import Connection, Enum, inspect, text

from velox.db.migrations.comparing import flat
from velox.db.migrations.memory import Memory

__all__ = ["EnumChange", "change_enum", "enum_changes"]


@dataclass(frozen=True, slots=True)
class EnumChange:
    """An Enum whose members change, and the columns that have it, as ``table.column``."""

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    columns: list[str]

    def source(self, members: Sequence[str]) -> str:
        """The line of a migration that brings the members about."""
        return f"change_enum({self.name!r}, {list(members)!r}, columns={self.columns!r})"


def enum_changes(operations: UpgradeOps) -> list[EnumChange]:
    """The changes of members in ``operations``, one for each Enum."""
    found: dict[str, EnumChange] = {}
    for each in flat(operations):
        if isinstance(each, AlterColumnOp) and (members := _members(each)):
            name, *_ = members
            place = f"{each.table_name}.{each.column_name}"
            found.setdefault(name, EnumChange(*members, [])).columns.append(place)
    return list(found.values())


def is_change_of_members(operation: object) -> bool:
    """Whether ``operation`` makes an Enum of the same name out of an Enum."""
    return isinstance(operation, AlterColumnOp) and _members(operation) is not None


def _members(operation: AlterColumnOp) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    """The Enum's name, and its members before and after."""
    before, after = operation.existing_type, operation.modify_type
    if not isinstance(before, Enum) or not isinstance(after, Enum) or before.name != after.name:
        return None
    return str(after.name), tuple(before.enums), tuple(after.enums)


def change_enum(name: str, members: Sequence[str], *, columns: Sequence[str]) -> None:
    """For migrations: give the Enum ``name`` these members.

    On PostgreSQL a member is added to the type as it is, without touching a row; where one is removed, the type is made
    anew and the columns are rewritten. Elsewhere the columns are altered.

    Args:
        name: The Enum's name in the database: the class', in lower case.
        members: The members' names, all of them.
        columns: The columns that have it: ``["link.color"]``.
    """
    connection = op.get_bind()
    places = [tuple(each.split(".", 1)) for each in columns]
    kind = Enum(*members, name=name)
    if connection.dialect.name == "postgresql":
        for statement in _on_postgresql(connection, name, members, places):
            connection.execute(text(statement))
        memory = op.get_context().impl.memo.get(Memory)
        if memory is not None:
            memory.retype(kind, places)
        return
    for table, column in places:
        described = next(each for each in inspect(connection).get_columns(table) if each["name"] == column)
        with op.batch_alter_table(table) as batch:
            batch.alter_column(
                column, existing_type=described["type"], existing_nullable=described["nullable"], type_=kind
            )


def _on_postgresql(
    connection: Connection, name: str, members: Sequence[str], places: Sequence[tuple[str, ...]]
) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer.quote
    present = connection.scalars(
        text("SELECT enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid WHERE typname = :name").bindparams(
            name=name
        )
    ).all()
    if set(present) <= set(members):
        for member in members:
            if member not in present:
                yield f"ALTER TYPE {quote(name)} ADD VALUE {_literal(member)}"
        return
    old = f"{name}_before"
    yield f"ALTER TYPE {quote(name)} RENAME TO {quote(old)}"
    yield f"CREATE TYPE {quote(name)} AS ENUM ({', '.join(_literal(member) for member in members)})"
    for table, column in places:
        yield (
            f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} "
            f"TYPE {quote(name)} USING {quote(column)}::text::{quote(name)}"
        )
    yield f"DROP TYPE {quote(old)}"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''").replace(":", "\\:") + "'"
