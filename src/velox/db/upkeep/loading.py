"""Rows that a dump wrote, into a database: all or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, TextIO

from sqlalchemy import Connection, MetaData, Table, delete, exists, func, insert, select, text

from velox.db.database import Database
from velox.db.migrations.applied import read_heads
from velox.db.upkeep.dumping import BATCH_ROWS, FORMAT
from velox.db.upkeep.plain import plain_table, read_value
from velox.errors import ConfigurationError

__all__ = ["continue_numbers", "load_rows"]

Row = dict[str, Any]


async def load_rows(database: Database, metadata: MetaData, stream: TextIO, *, replace: bool = False) -> int:
    """Read the rows in ``stream`` into ``metadata``'s tables; how many.

    Args:
        database: Where to.
        metadata: The models' tables.
        stream: What :func:`~velox.db.upkeep.dumping.dump_rows` wrote.
        replace: Delete the rows that are there first.

    Raises:
        ConfigurationError: VX412, there are rows; VX413, it is no dump, or fits another state of the database.
    """
    async with database.writing_connection() as connection, connection.begin():
        return await connection.run_sync(_load, metadata, stream, replace)


def _load(connection: Connection, metadata: MetaData, stream: TextIO, replace: bool) -> int:
    _check_head(connection, _parsed(stream.readline(), 1))
    _defer_references(connection)
    _make_room(connection, metadata, replace=replace)
    count = 0
    for table, rows in _tables(metadata, stream):
        plain = plain_table(table)
        while batch := list(islice(rows, BATCH_ROWS)):
            connection.execute(insert(plain), batch)
            count += len(batch)
        continue_numbers(connection, table)
    _check_references(connection)
    return count


def _check_head(connection: Connection, head: Any) -> None:
    if not isinstance(head, dict) or head.get("velox_dump") != FORMAT:
        raise _unfit("the file is no dump of this version of Velox", "Write one: velox db dump FILE.")
    here, there = list(read_heads(connection)), head.get("migrations")
    if here != there:
        at = ", ".join(there or []) or "zero"
        raise _unfit(
            f"the dump was made at {at}, and the database is at {', '.join(here) or 'zero'}",
            f"Bring it there first: velox migrate {at}.",
        )


def _make_room(connection: Connection, metadata: MetaData, *, replace: bool) -> None:
    for table in reversed(metadata.sorted_tables):
        if replace:
            connection.execute(delete(table))
        elif connection.scalar(select(exists().select_from(table))):
            raise ConfigurationError(
                "VX412", f"there are rows in {table.name}", hint="Load into an empty database, or with --replace."
            )


def _tables(metadata: MetaData, stream: TextIO) -> Iterator[tuple[Table, Iterator[Row]]]:
    """Each table in the file, and its rows, which have to be read before the next."""
    lines = enumerate(stream, 2)
    number, line = next(lines, (0, ""))
    while line:
        head = _parsed(line, number)
        if not isinstance(head, dict) or head.get("table") not in metadata.tables:
            raise _unfit(f"line {number} names no table of the models", "Was it made by another app?")
        table = metadata.tables[head["table"]]
        left: list[tuple[int, str]] = []
        yield table, _rows(table, head["columns"], lines, left)
        number, line = left.pop() if left else (0, "")


def _rows(
    table: Table, names: list[str], lines: Iterator[tuple[int, str]], left: list[tuple[int, str]]
) -> Iterator[Row]:
    kinds = {column.name: column.type for column in plain_table(table).columns}
    for number, line in lines:
        values = _parsed(line, number)
        if isinstance(values, dict):
            left.append((number, line))
            return
        try:
            yield {name: read_value(value, kinds[name]) for name, value in zip(names, values, strict=True)}
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise _unfit(f"line {number} is no row of {table.name}: {error}", "Correct that line.") from error


def _defer_references(connection: Connection) -> None:
    """A row may refer to one that comes later: to one of its own table, say."""
    statement = {"sqlite": "PRAGMA defer_foreign_keys = ON", "postgresql": "SET CONSTRAINTS ALL DEFERRED"}
    connection.execute(text(statement.get(connection.dialect.name, "SET foreign_key_checks = 0")))


def _check_references(connection: Connection) -> None:
    """SQLite would say no more than that some reference is wrong."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise _unfit(
                f"row {broken[1]} of {broken[0]} refers to a row of {broken[2]} that is not there", "Dump anew."
            )
    elif connection.dialect.name != "postgresql":
        connection.execute(text("SET foreign_key_checks = 1"))


def continue_numbers(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers new rows by a sequence, which knows nothing of rows that brought their own."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key.columns:
        if sequence := connection.scalar(select(func.pg_get_serial_sequence(f'"{table.name}"', column.name))):
            highest = connection.scalar(select(func.max(column)))
            if highest is not None:
                connection.execute(select(func.setval(sequence, highest)))


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise _unfit(f"line {number} is no JSON: {error}", "Is it a dump? velox db dump FILE writes one.") from error


def _unfit(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError("VX413", message, hint=hint)
