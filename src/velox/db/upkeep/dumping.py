"""All rows as JSON lines: first what they fit to, then table by table."""

from __future__ import annotations

import json
from typing import Any, TextIO

from sqlalchemy import Connection, MetaData, Table, select

from velox.db.database import Database
from velox.db.migrations.applied import read_heads
from velox.db.upkeep.plain import plain_table, written_value

__all__ = ["BATCH_ROWS", "FORMAT", "dump_rows"]

FORMAT = 1
"""The first line says it; a reader of another refuses."""
BATCH_ROWS = 500
"""Rows in memory at a time."""


async def dump_rows(database: Database, metadata: MetaData, stream: TextIO) -> int:
    """Write the rows of ``metadata``'s tables to ``stream``; how many.

    They are read in one transaction. On PostgreSQL and MariaDB it is a repeatable read; on SQLite nobody writes
    meanwhile.
    """
    async with database.writing_connection() as connection:
        if connection.dialect.name != "sqlite":
            connection = await connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
        async with connection.begin():
            return await connection.run_sync(_dump, metadata, stream)


def _dump(connection: Connection, metadata: MetaData, stream: TextIO) -> int:
    _write(stream, {"velox_dump": FORMAT, "migrations": list(read_heads(connection))})
    return sum(_dump_table(connection, table, stream) for table in metadata.sorted_tables)


def _dump_table(connection: Connection, table: Table, stream: TextIO) -> int:
    plain = plain_table(table)
    names = [column.name for column in plain.columns]
    _write(stream, {"table": table.name, "columns": names})
    query = select(plain).order_by(*plain.primary_key.columns).execution_options(yield_per=BATCH_ROWS)
    count = 0
    for row in connection.execute(query):
        _write(stream, [written_value(value) for value in row])
        count += 1
    return count


def _write(stream: TextIO, value: Any) -> None:
    stream.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
