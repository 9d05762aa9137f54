"""What differs between the models and a database, as Alembic's operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    CreateForeignKeyOp,
    CreateTableOp,
    CreateUniqueConstraintOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
    OpContainer,
    UpgradeOps,
)
from sqlalchemy import Column, Connection, Enum, MetaData, Table, inspect
from sqlalchemy.types import TypeEngine

from velox.db.migrations.memory import Memory, meaning
from velox.db.migrations.running import context_on

__all__ = ["INTERNAL", "differences", "flat", "undoing", "without_lost_indexes"]

INTERNAL = "velox_"
"""How the names of Velox's own tables begin: they make and change themselves, and are in no migration."""


def differences(connection: Connection, metadata: MetaData, memory: Memory | None = None) -> UpgradeOps:
    """The operations that would make the database what ``metadata`` says.

    Args:
        connection: The database.
        metadata: The models' tables.
        memory: What migrations said of column types, where the database itself remembers less.
    """
    context = context_on(
        connection,
        compare_type=True,
        compare_server_default=True,
        include_object=_is_ours,
        target_metadata=metadata,
    )
    found = produce_migrations(context, metadata).upgrade_ops
    operations: list[MigrateOperation] = [] if found is None else list(_real(found, connection, metadata))
    if memory is not None:
        operations = [_truly_typed(operation, memory) for operation in operations]
        operations += _forgotten(metadata, memory, operations)
    return without_lost_indexes(UpgradeOps(operations))


def _real(found: UpgradeOps, connection: Connection, metadata: MetaData) -> Iterator[MigrateOperation]:
    """``found`` without what is different on paper only."""
    for operation in found.ops:
        if isinstance(operation, ModifyTableOps):
            table = operation.table_name
            kept = [each for each in operation.ops if not _is_on_paper(each, connection, metadata)]
            if kept:
                yield ModifyTableOps(table, sorted(kept, key=_rank), schema=operation.schema)
        else:
            yield operation


def _rank(operation: MigrateOperation) -> int:
    """A reference leans on an index, for MariaDB: it goes before, and comes after."""
    if isinstance(operation, DropConstraintOp) and operation.constraint_type == "foreignkey":
        return 0
    return 2 if isinstance(operation, CreateForeignKeyOp) else 1


def _is_on_paper(operation: MigrateOperation, connection: Connection, metadata: MetaData) -> bool:
    """SQLite's habits: a key that says nothing of NULL, a constraint without a name, a decimal that is a number."""
    if connection.dialect.name != "sqlite":
        return False
    if isinstance(operation, CreateUniqueConstraintOp):
        columns = [getattr(column, "name", column) for column in operation.columns]
        present = inspect(connection).get_unique_constraints(operation.table_name)
        return any(each["name"] is None and each["column_names"] == columns for each in present)
    if not isinstance(operation, AlterColumnOp) or operation.modify_server_default is not False:
        return False
    same_type = operation.modify_type is None or (
        operation.existing_type is not None and meaning(operation.existing_type) == meaning(operation.modify_type)
    )
    column = metadata.tables[operation.table_name].columns[operation.column_name]
    same_null = operation.modify_nullable is None or column.primary_key
    return same_type and same_null and operation.modify_comment is False


def flat(operations: OpContainer) -> Iterator[MigrateOperation]:
    """Every single operation, out of the groups by table."""
    for operation in operations.ops:
        if isinstance(operation, OpContainer):
            yield from flat(operation)
        else:
            yield operation


def _is_ours(item: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    is_foreign_table = kind == "table" and reflected and compare_to is None
    return not (is_foreign_table and name is not None and name.startswith((INTERNAL, "sqlite_")))


def _truly_typed(operation: MigrateOperation, memory: Memory) -> MigrateOperation:
    """``operation`` with the types that migrations wrote in the place of those that the database shows."""
    for each in flat(operation) if isinstance(operation, OpContainer) else [operation]:
        if isinstance(each, AlterColumnOp):
            each.existing_type = memory.type_of(each.table_name, each.column_name) or each.existing_type
    return operation


def without_lost_indexes(operations: UpgradeOps) -> UpgradeOps:
    """``operations`` without dropping the indexes of tables that are dropped anyway: MariaDB would refuse some."""
    dropped = {each.table_name for each in operations.ops if isinstance(each, DropTableOp)}
    kept: list[MigrateOperation] = []
    for each in operations.ops:
        if not isinstance(each, ModifyTableOps) or each.table_name not in dropped:
            kept.append(each)
        elif rest := [inner for inner in each.ops if not isinstance(inner, DropIndexOp)]:
            kept.append(ModifyTableOps(each.table_name, rest, schema=each.schema))
    return UpgradeOps(kept)


def undoing(operations: UpgradeOps, memory: Memory) -> UpgradeOps:
    """The operations that take ``operations`` back, last first, with the column types that migrations wrote."""
    back = without_lost_indexes(UpgradeOps([operation.reverse() for operation in reversed(operations.ops)]))
    for each in flat(back):
        if isinstance(each, CreateTableOp):
            for item in each.columns:
                if isinstance(item, Column):
                    item.type = memory.type_of(each.table_name, item.name) or item.type
        elif isinstance(each, AddColumnOp):
            each.column.type = memory.type_of(each.table_name, each.column.name) or each.column.type
    return back


def _forgotten(metadata: MetaData, memory: Memory, found: list[MigrateOperation]) -> Iterator[MigrateOperation]:
    """Changes of types that the database does not show."""
    seen = {
        (each.table_name, each.column_name)
        for each in flat(UpgradeOps(found))
        if isinstance(each, AlterColumnOp) and each.modify_type is not None
    }
    for table in metadata.sorted_tables:
        for column in table.columns:
            known = memory.type_of(table.name, column.name)
            if known is None or (table.name, column.name) in seen or not _differ(known, column.type):
                continue
            yield ModifyTableOps(table.name, [_retype(table, column, known)])


def _differ(known: TypeEngine[Any], wanted: TypeEngine[Any]) -> bool:
    return meaning(known) != meaning(wanted)


def _retype(table: Table, column: Column[Any], known: TypeEngine[Any]) -> AlterColumnOp:
    kind = column.type
    if isinstance(kind, Enum):
        kind = Enum(*kind.enums, name=kind.name)  # the members' names alone: a migration imports no models
    return AlterColumnOp(
        table.name, column.name, existing_type=known, existing_nullable=column.nullable, modify_type=kind
    )
