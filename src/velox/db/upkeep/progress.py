"""How far a promotion is, kept in the database that is filled: a batch and its note are committed together."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, Connection, MetaData, String, Table, insert, inspect, select, update

__all__ = ["PROGRESS_TABLES", "Progress", "begin", "drop_progress", "note_ready", "note_rows", "read_progress"]

_metadata = MetaData()
_promotion = Table(
    "velox_promotion",
    _metadata,
    Column("run", String(32), primary_key=True),
    Column("ready", Boolean, nullable=False),
)
_promoted = Table(
    "velox_promoted",
    _metadata,
    Column("table_name", String(128), primary_key=True),
    Column("row_count", BigInteger, nullable=False),
)
PROGRESS_TABLES = frozenset(_metadata.tables)


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been done.

    Args:
        run: The promotion's name, which its snapshot has, too.
        ready: The tables are there, and were empty when the first row was copied.
        rows: Table → rows that are committed, in the order of their keys.
    """

    run: str
    ready: bool
    rows: dict[str, int]


def read_progress(connection: Connection) -> Progress | None:
    """``None``: nobody promotes to this database."""
    if not PROGRESS_TABLES <= set(inspect(connection).get_table_names()):
        return None
    found = connection.execute(select(_promotion)).first()
    if found is None:
        return None
    rows = {name: count for name, count in connection.execute(select(_promoted))}  # noqa: C416 - rows are no pairs
    return Progress(found.run, found.ready, rows)


def begin(connection: Connection) -> Progress:
    """Note that a promotion has begun."""
    _metadata.create_all(connection)
    run = secrets.token_hex(8)
    connection.execute(insert(_promotion), {"run": run, "ready": False})
    return Progress(run, ready=False, rows={})


def note_ready(connection: Connection) -> None:
    """The tables are there, and empty."""
    connection.execute(update(_promotion).values(ready=True))


def note_rows(connection: Connection, table: str, before: int, now: int) -> bool:
    """Move on from ``before`` rows to ``now``; false: another process has been at it meanwhile."""
    if before == 0:
        connection.execute(insert(_promoted), {"table_name": table, "row_count": now})
        return True
    moved = update(_promoted).where(_promoted.c.table_name == table, _promoted.c.row_count == before)
    return connection.execute(moved.values(row_count=now)).rowcount == 1


def drop_progress(connection: Connection) -> None:
    """The promotion is over."""
    _metadata.drop_all(connection)
