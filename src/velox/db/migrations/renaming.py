"""Renames: what is gone and what is new may be one thing, and dropping it would lose what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alembic.operations import Operations
from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    CreateTableOp,
    DropColumnOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
    UpgradeOps,
)
from sqlalchemy import Column, Connection, String
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import AutoString

from velox.db.migrations.choices import Choices, undecided
from velox.db.migrations.comparing import flat
from velox.db.migrations.describing import Change
from velox.db.migrations.memory import Memory, meaning
from velox.db.migrations.running import context_on

__all__ = ["Rename", "find_renames", "perform", "refuse_unmet"]


@dataclass(frozen=True, slots=True)
class Rename:
    """A table (``column`` is ``None``) or a column that gets another name.

    Args:
        table: The table, by its present name.
        new: The new name.
        column: The column as it is now: its name, type and whether it takes NULL.
    """

    table: str
    new: str
    column: Column[object] | None = None

    @property
    def old(self) -> str:
        return self.table if self.column is None else f"{self.table}.{self.column.name}"

    @property
    def piece(self) -> MigrateOperation | str:
        """What a migration does about it."""
        if self.column is None:
            return f"op.rename_table({self.table!r}, {self.new!r})"
        return self._alter(self.column, self.column.name, self.new)

    @property
    def undoing(self) -> MigrateOperation | str:
        """And how that is taken back."""
        if self.column is None:
            return f"op.rename_table({self.new!r}, {self.table!r})"
        return self._alter(self.column, self.new, self.column.name)

    @property
    def change(self) -> Change:
        """The same in words."""
        what = "table" if self.column is None else "column"
        return Change("~", f"{what} {self.old}: renamed to {self.new}", f"rename {self.old} to {self.new}", 5)

    def _alter(self, column: Column[object], old: str, new: str) -> MigrateOperation:
        operation = AlterColumnOp(
            self.table, old, existing_type=_plain(column.type), existing_nullable=column.nullable, modify_name=new
        )
        return ModifyTableOps(self.table, [operation])


def find_renames(operations: UpgradeOps, memory: Memory, choices: Choices) -> list[Rename]:
    """The renames in ``operations``, which has them as a drop and an addition: those declared, and those confirmed.

    As long as there are tables to rename, only these.

    Args:
        operations: What differs.
        memory: The types of the columns.
        choices: The author's.

    Raises:
        ConfigurationError: VX410, a rename is likely, and nobody says whether it is one.
    """
    tables = _chosen(list(_tables(operations)), choices)
    return tables or _chosen(list(_columns(operations, memory, choices.renames)), choices)


def refuse_unmet(choices: Choices, done: list[Rename]) -> None:
    """Say which declared rename was none.

    Raises:
        ConfigurationError: VX410.
    """
    for old, new in choices.renames.items():
        if not any((each.old, each.new) == (old, new) for each in done):
            wanted = f"{old.partition('.')[0]}.{new}" if "." in old else new
            raise undecided(
                f"{old} is not renamed to {new}: {old} must be gone from the models, and {wanted} be new",
                "Change the model first, then declare the rename.",
            )


def _chosen(possible: list[Rename], choices: Choices) -> list[Rename]:
    chosen = [each for each in possible if choices.renames.get(each.old) == each.new]
    taken = {name for each in chosen for name in (each.old, _new_name(each))}
    for each in possible:
        if not choices.keeps_apart and taken.isdisjoint({each.old, _new_name(each)}) and _confirmed(each, choices):
            chosen.append(each)
            taken |= {each.old, _new_name(each)}
    return chosen


def perform(connection: Connection, renames: list[Rename], memory: Memory) -> None:
    """Do ``renames`` on the database behind ``connection``."""
    context = context_on(connection)
    memory.listen(context.impl)
    operations = Operations(context)
    for rename in renames:
        if rename.column is None:
            operations.rename_table(rename.table, rename.new)
        else:
            with operations.batch_alter_table(rename.table) as batch:
                batch.alter_column(
                    rename.column.name,
                    new_column_name=rename.new,
                    existing_type=_plain(rename.column.type),
                    existing_nullable=rename.column.nullable,
                )


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """``kind`` in SQLAlchemy's own types; MariaDB wants it with the new name, and Alembic trips over any other."""
    inner = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if isinstance(inner, String) and inner.length is None and isinstance(kind, AutoString):
        return String(AutoString.mysql_default_length)
    return inner


def _new_name(rename: Rename) -> str:
    return rename.new if rename.column is None else f"{rename.table}.{rename.new}"


def _confirmed(rename: Rename, choices: Choices) -> bool:
    new = _new_name(rename)
    if choices.ask_rename is not None:
        return choices.ask_rename(rename.old, new)
    raise undecided(
        f"{rename.old} is gone and {new} is new: renamed, or dropped and added?",
        f"Renamed, with what is in it: --rename {rename.old}:{rename.new}. Two different things: --no-rename.",
    )


def _tables(operations: UpgradeOps) -> Iterator[Rename]:
    """A table that goes and one that comes, with the same columns."""
    gone = [each for each in flat(operations) if isinstance(each, DropTableOp)]
    new = [each for each in flat(operations) if isinstance(each, CreateTableOp)]
    for old in gone:
        columns = {column.name for column in old.to_table().columns}
        for each in new:
            if columns == {item.name for item in each.columns if isinstance(item, Column)}:
                yield Rename(old.table_name, each.table_name)


def _columns(operations: UpgradeOps, memory: Memory, declared: Mapping[str, str]) -> Iterator[Rename]:
    """A column that goes and one that comes in the same table, of the same type; if declared, of any."""
    gone = [each for each in flat(operations) if isinstance(each, DropColumnOp)]
    new = [each for each in flat(operations) if isinstance(each, AddColumnOp)]
    for old in gone:
        column = old.to_column()
        kind = memory.type_of(old.table_name, column.name) or column.type
        for each in new:
            if each.table_name != old.table_name:
                continue
            is_declared = declared.get(f"{old.table_name}.{column.name}") == each.column.name
            if is_declared or meaning(each.column.type) == meaning(kind):
                yield Rename(old.table_name, each.column.name, Column(column.name, kind, nullable=column.nullable))
