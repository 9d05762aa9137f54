"""A database's tables, to compare with how they were before, and how many rows they have."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, inspect, select, table

from velox.db.migrations.applied import VERSION_TABLE

__all__ = ["row_counts", "shape_of"]

Shape = Mapping[str, tuple[object, ...]]


def shape_of(connection: Connection) -> Shape:
    """Table → its columns, keys, references, unique constraints and indexes, in any order of the columns."""
    inspector = inspect(connection)
    kinds = connection.dialect.type_compiler_instance
    shape: dict[str, tuple[object, ...]] = {}
    for name in _tables(connection):
        columns = [
            (each["name"], kinds.process(each["type"]), each["nullable"], str(each.get("default")))
            for each in inspector.get_columns(name)
        ]
        shape[name] = (
            frozenset(columns),
            tuple(inspector.get_pk_constraint(name)["constrained_columns"]),
            frozenset(
                (each["name"], tuple(each["constrained_columns"]), each["referred_table"])
                for each in inspector.get_foreign_keys(name)
            ),
            frozenset((each["name"], tuple(each["column_names"])) for each in inspector.get_unique_constraints(name)),
            frozenset(
                (each["name"], tuple(each["column_names"]), each["unique"]) for each in inspector.get_indexes(name)
            ),
        )
    return shape


def row_counts(connection: Connection) -> Mapping[str, int]:
    """How many rows each table has."""
    counts = {}
    for name in _tables(connection):
        counts[name] = connection.scalar(select(func.count()).select_from(table(name))) or 0
    return counts


def _tables(connection: Connection) -> list[str]:
    return [name for name in inspect(connection).get_table_names() if name != VERSION_TABLE]
