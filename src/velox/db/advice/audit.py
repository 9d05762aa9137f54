"""Indexes that there are: which are not needed, and which references have none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, inspect

from velox.db.database import Database

__all__ = ["Fault", "Indexed", "faults_of", "indexes_of", "unused"]

_INTERNAL = ("velox_", "alembic_", "sqlite_")


@dataclass(frozen=True, slots=True)
class Indexed:
    """Columns of a table in an order that the database keeps."""

    table: str
    name: str
    columns: tuple[str, ...]
    unique: bool = False
    is_constraint: bool = False
    """Whether it is a primary key or a unique constraint, which is there for more than speed."""
    special: bool = False
    """Whether it holds some of the rows only, or is no B-tree."""
    for_reference: bool = False
    """Whether a foreign key needs it: MariaDB does not drop it, and elsewhere deleting what is referred to is slow."""

    def serves(self, columns: Sequence[str]) -> bool:
        """Whether rows can be found in it by ``columns``."""
        return not self.special and set(self.columns[: len(columns)]) == set(columns)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to change about the indexes of a table."""

    kind: Literal["duplicate", "redundant", "reference without index", "unused"]
    table: str
    subject: str
    """The index, or the columns."""
    advice: str


async def indexes_of(database: Database) -> list[Indexed]:
    """Every index of every table that is not Velox's own."""
    async with database.connection() as connection:
        return await connection.run_sync(lambda raw: list(_indexes(raw)))


async def faults_of(database: Database) -> list[Fault]:
    """Duplicate indexes, such as another one begins with, and references without an index."""

    def look(connection: Connection) -> list[Fault]:
        found = list(_indexes(connection))
        return [*_duplicates(found), *_references(connection, found)]

    async with database.connection() as connection:
        return await connection.run_sync(look)


def unused(indexes: Sequence[Indexed], used: Collection[str], tables: Collection[str]) -> list[Fault]:
    """The indexes that no plan of a workload has used.

    Args:
        indexes: All that there are.
        used: The names of those in the plans.
        tables: The tables that the workload is about; nothing is said about others.
    """
    return [
        Fault("unused", one.table, one.name, "No observed statement uses it. If none does in production, drop it.")
        for one in indexes
        if one.table in tables and not (one.unique or one.is_constraint or one.for_reference) and one.name not in used
    ]


def _indexes(connection: Connection) -> Iterator[Indexed]:
    inspector = inspect(connection)
    for table in inspector.get_table_names():
        if table.startswith(_INTERNAL):
            continue
        key = inspector.get_pk_constraint(table)
        if key["constrained_columns"]:
            yield Indexed(
                table, key.get("name") or "primary key", tuple(key["constrained_columns"]), True, is_constraint=True
            )
        constraints = {one["name"]: tuple(one["column_names"]) for one in inspector.get_unique_constraints(table)}
        for name, columns in constraints.items():
            yield Indexed(table, str(name), columns, True, is_constraint=True)
        references = [one["constrained_columns"] for one in inspector.get_foreign_keys(table)]
        for one in inspector.get_indexes(table):
            names = one["column_names"]
            if one["name"] in constraints or None in names:  # an expression
                continue
            options = one.get("dialect_options", {})
            special = any(
                value and (name.endswith("_where") or (name.endswith("_using") and value != "btree"))
                for name, value in options.items()
            )
            columns = tuple(str(name) for name in names if name not in (options.get("postgresql_include") or ()))
            needed = any(set(columns[: len(key)]) == set(key) for key in references)
            yield Indexed(table, str(one["name"]), columns, bool(one["unique"]), special=special, for_reference=needed)


def _duplicates(indexes: Sequence[Indexed]) -> Iterator[Fault]:
    for place, one in enumerate(indexes):
        if one.is_constraint or one.special:
            continue
        for other_place, other in enumerate(indexes):
            if other.table != one.table or other is one or other.special:
                continue
            if other.columns == one.columns and (other.is_constraint or other.unique >= one.unique):
                if other.is_constraint or other.unique > one.unique or other_place < place:
                    yield Fault("duplicate", one.table, one.name, f"{other.name} has the same columns: drop it.")
                    break
            elif not one.unique and other.columns[: len(one.columns)] == one.columns:
                advice = f"{other.name} ({', '.join(other.columns)}) begins with the same columns: drop it."
                yield Fault("redundant", one.table, one.name, advice)
                break


def _references(connection: Connection, indexes: Sequence[Indexed]) -> Iterator[Fault]:
    inspector = inspect(connection)
    for table in inspector.get_table_names():
        if table.startswith(_INTERNAL):
            continue
        for key in inspector.get_foreign_keys(table):
            columns = key["constrained_columns"]
            if any(one.serves(columns) for one in indexes if one.table == table):
                continue
            yield Fault(
                "reference without index",
                table,
                ", ".join(columns),
                f"Deleting a row of {key['referred_table']}, or following the reference back, reads all of {table}: "
                + (
                    f"{columns[0]}: ... = Field(..., index=True)" if len(columns) == 1 else "add an Index(...) on them."
                ),
            )
