"""A copy of a SQLite database that is in use, and whether a file is sound. What runs here runs in a driver's thread."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["Damaged", "faults", "write_backup"]


class Damaged(sqlite3.DatabaseError):
    """A file that can be opened, and is not sound."""


def write_backup(raw: sqlite3.Connection, target: Path) -> None:
    """Copy the database of ``raw`` to ``target`` as of one moment, check the copy, and only then put it in place.

    Nobody waits meanwhile: in WAL mode a reader, which this is, holds up no writer.

    Raises:
        Damaged: The copy, and so the database, is not sound. ``target`` is as it was.
    """
    if raw.in_transaction:
        raise sqlite3.OperationalError("a transaction is open in its only connection")  # SQLite would wait for ever
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # it has everybody's data in it
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            raw.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without others next to it
            if found := faults(copy):
                raise Damaged(found[0])
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def faults(raw: sqlite3.Connection) -> list[str]:
    """What is wrong with the database, a line each: broken pages and indexes, and references to nothing."""
    broken = [row[0] for row in raw.execute("PRAGMA integrity_check") if row[0] != "ok"]
    dangling = [
        f"row {row} of {table} refers to a row of {parent} that is not there"
        for table, row, parent, _ in raw.execute("PRAGMA foreign_key_check")
    ]
    return [*broken, *dangling]
