"""Rows that refer to rows that come later: which tables have them, and how a server is made to accept them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, MetaData, Table, inspect, text

__all__ = ["Unit", "check_references", "defer_references", "units_of"]

Unit = tuple[Table, ...]
"""Tables that are filled in one transaction when they refer to each other or one to itself; else a single one."""


def units_of(metadata: MetaData) -> list[tuple[Unit, bool]]:
    """All tables, those that are referred to first, and whether rows of a unit may refer to later ones of it."""
    tables = metadata.sorted_tables
    place = {table.name: number for number, table in enumerate(tables)}
    units: list[tuple[Unit, bool]] = []
    start = 0
    while start < len(tables):
        end, looked, refers = start, start, False
        while looked <= end:
            for key in tables[looked].foreign_keys:
                target = place[key.column.table.name]
                refers = refers or target >= looked
                end = max(end, target)
            looked += 1
        units.append((tuple(tables[start : end + 1]), refers))
        start = end + 1
    return units


def defer_references(connection: Connection, tables: Sequence[Table]) -> list[str]:
    """References from ``tables`` are checked by :func:`check_references`, in the same transaction.

    PostgreSQL alone needs it: MariaDB and MySQL are told not to check at all.

    Returns:
        The constraints that were made deferrable for it, which is part of the transaction, as the beginnings of
        statements.
    """
    if connection.dialect.name != "postgresql":
        return []
    quote = connection.dialect.identifier_preparer.quote
    eager = [
        f"ALTER TABLE {quote(table.name)} ALTER CONSTRAINT {quote(str(key['name']))}"
        for table in tables
        for key in inspect(connection).get_foreign_keys(table.name)
        if not key.get("options", {}).get("deferrable")
    ]
    for constraint in eager:
        connection.execute(text(f"{constraint} DEFERRABLE INITIALLY DEFERRED"))
    connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    return eager


def check_references(connection: Connection, eager: Sequence[str]) -> None:
    """Check what :func:`defer_references` put off, and make ``eager`` what they were."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    for constraint in eager:
        connection.execute(text(f"{constraint} NOT DEFERRABLE"))
