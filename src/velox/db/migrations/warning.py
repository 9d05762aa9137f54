"""What a change costs that its author may not have thought of: data, locks, scans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.operations.ops import (
    AddConstraintOp,
    AlterColumnOp,
    CreateForeignKeyOp,
    CreateIndexOp,
    CreateTableOp,
    DropColumnOp,
    DropTableOp,
    UpgradeOps,
)
from sqlalchemy import MetaData, Numeric, PrimaryKeyConstraint, String, Table, UniqueConstraint
from sqlalchemy.types import TypeEngine

from velox.db.migrations.comparing import flat
from velox.db.migrations.memory import meaning

__all__ = ["warnings"]


def warnings(operations: UpgradeOps, metadata: MetaData) -> list[str]:
    """One sentence for each thing to know before ``operations`` run on a database with data in it."""
    return [*_losses(operations), *_slow_references(operations, metadata), *_locks(operations)]


def _losses(operations: UpgradeOps) -> Iterator[str]:
    for each in flat(operations):
        if isinstance(each, DropTableOp):
            yield f"data loss: table {each.table_name} is dropped with all its rows"
        elif isinstance(each, DropColumnOp):
            yield f"data loss: column {each.table_name}.{each.column_name} is dropped with what is in it"
        elif isinstance(each, AlterColumnOp) and each.modify_type is not None and each.existing_type is not None:
            name = f"{each.table_name}.{each.column_name}"
            if narrower := _narrowing(each.existing_type, each.modify_type):
                yield f"data loss: {name} becomes {narrower}; rows that do not fit make the migration fail, or are cut"


def _narrowing(before: TypeEngine[Any], after: TypeEngine[Any]) -> str | None:
    """What gets less, in words; ``None`` when everything still fits."""
    old, new = _implemented(before), _implemented(after)
    if hasattr(old, "enums") and hasattr(new, "enums"):
        lost = [member for member in old.enums if member not in new.enums]
        return f"an enum without {', '.join(lost)}" if lost else None
    if isinstance(old, String) and isinstance(new, String):
        shorter = new.length is not None and (old.length is None or old.length > new.length)
        return f"shorter ({old.length or 'any length'} to {new.length})" if shorter else None
    if isinstance(old, Numeric) and isinstance(new, Numeric):
        return _fewer_digits(old, new)
    same_family = old._type_affinity is new._type_affinity
    return None if same_family else f"{meaning(after)[0]} instead of {meaning(before)[0]}"


def _fewer_digits(old: Numeric[Any], new: Numeric[Any]) -> str | None:
    if new.precision is None:
        return None
    if old.precision is None:
        return f"at most {new.precision} digits"
    whole, fraction = old.precision - (old.scale or 0), old.scale or 0
    fewer = new.precision - (new.scale or 0) < whole or (new.scale or 0) < fraction
    return f"fewer digits ({old.precision},{fraction} to {new.precision},{new.scale or 0})" if fewer else None


def _slow_references(operations: UpgradeOps, metadata: MetaData) -> Iterator[str]:
    """Foreign keys without an index: whoever deletes the row that is referred to, scans the whole table."""
    new = {
        each.table_name if isinstance(each, CreateTableOp) else each.source_table
        for each in flat(operations)
        if isinstance(each, CreateTableOp | CreateForeignKeyOp)
    }
    for table in metadata.sorted_tables:
        if table.name not in new:
            continue
        for key in sorted(table.foreign_key_constraints, key=lambda each: list(each.column_keys)):
            columns = [column.name for column in key.columns]
            if not _is_led(table, columns):
                name = f"{table.name}.{', '.join(columns)}"
                yield (
                    f"{name} refers to {key.referred_table.name} and has no index: joins and deletes there read all of "
                    f"{table.name}; write Field(foreign_key=..., index=True)"
                )


def _is_led(table: Table, columns: list[str]) -> bool:
    """Whether some index of ``table`` begins with ``columns``."""
    leads = [[column.name for column in index.columns] for index in table.indexes]
    leads += [
        [column.name for column in constraint.columns]
        for constraint in table.constraints
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint)
    ]
    return any(lead[: len(columns)] == columns for lead in leads)


def _locks(operations: UpgradeOps) -> Iterator[str]:
    """What a big table on PostgreSQL cannot be written to meanwhile."""
    created = {each.table_name for each in flat(operations) if isinstance(each, CreateTableOp)}
    for each in flat(operations):
        table = getattr(each, "table_name", None) or getattr(each, "source_table", None)
        if table in created:
            continue
        if isinstance(each, CreateIndexOp):
            yield (
                f"lock: on PostgreSQL, nobody writes to {table} while {each.index_name} is built; for a big table, "
                "build it beforehand: CREATE INDEX CONCURRENTLY IF NOT EXISTS, and if_not_exists=True in the migration"
            )
        elif isinstance(each, AlterColumnOp) and each.modify_type is not None and not _is_wider(each):
            yield f"lock: on PostgreSQL, {table} is rewritten, and nobody reads or writes it meanwhile"
        elif isinstance(each, AlterColumnOp) and each.modify_nullable is False:
            yield f"lock: on PostgreSQL, all of {table} is checked for NULL, and nobody reads or writes it meanwhile"
        elif isinstance(each, AddConstraintOp):
            yield f"lock: on PostgreSQL, nobody writes to {table} while all its rows are checked"


def _is_wider(operation: AlterColumnOp) -> bool:
    """PostgreSQL makes a text longer, or adds a member to an Enum, without touching a row."""
    old, new = _implemented(operation.existing_type), _implemented(operation.modify_type)
    return isinstance(old, String) and isinstance(new, String) and _narrowing(old, new) is None


def _implemented(kind: Any) -> Any:
    return getattr(kind, "impl_instance", kind)
