"""The table that everybody reads: eight columns, about 200 bytes a row. Nothing but the standard library."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["COLUMNS", "CREATED_AT", "ROWS", "make"]

ROWS = 10_000
COLUMNS = ("id", "name", "city", "age", "score", "active", "created_at", "bio")
CREATED_AT = "2026-01-01 12:00:00.000000"

SCHEMA = """
CREATE TABLE hero (
  id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL, city VARCHAR(80) NOT NULL, age INTEGER NOT NULL,
  score FLOAT NOT NULL, active BOOLEAN NOT NULL, created_at DATETIME NOT NULL, bio VARCHAR(200) NOT NULL
);
CREATE INDEX ix_hero_name ON hero (name);
"""


def make(path: Path) -> None:
    """A new database file with :data:`ROWS` rows, in WAL mode."""
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.executescript(SCHEMA)
    row = "Springfield", 42, 1.5, True, CREATED_AT, "b" * 100
    raw.executemany(
        f"INSERT INTO hero ({', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, f"hero {number}", *row) for number in range(1, ROWS + 1)],
    )
    raw.commit()
    raw.close()
