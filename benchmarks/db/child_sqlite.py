"""The floor: the standard library's driver in the event loop's thread, and tuples."""

from __future__ import annotations

import sqlite3
from typing import Any

from benchmarks.db.child import LISTED, Contender, Row, serve
from benchmarks.db.rows import COLUMNS, CREATED_AT

NAMES = ", ".join(COLUMNS)


class Sqlite(Contender):
    async def start(self, path: str) -> None:
        self.raw = sqlite3.connect(path, isolation_level=None)
        self.raw.execute("PRAGMA synchronous = NORMAL")

    async def get(self, number: int) -> Any:
        return Row(*self.raw.execute(f"SELECT {NAMES} FROM hero WHERE id = ?", (number,)).fetchone())

    async def list(self, number: int) -> Any:
        sql = f"SELECT {NAMES} FROM hero WHERE id >= ? ORDER BY id LIMIT ?"
        return list(map(Row._make, self.raw.execute(sql, (number, LISTED))))

    async def insert(self, number: int) -> Any:
        sql = "INSERT INTO hero (name, city, age, score, active, created_at, bio) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self.raw.execute(sql, ("new", "Springfield", 42, 1.5, True, CREATED_AT, "b" * 100))

    async def stop(self) -> None:
        self.raw.close()


if __name__ == "__main__":
    serve(Sqlite())
