"""The same rows on PostgreSQL: a database for each contender, which is gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg

from benchmarks.db.rows import COLUMNS, ROWS

__all__ = ["SERVER", "stocked"]

SERVER = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
"""Where the user may make databases."""

SCHEMA = """
CREATE TABLE hero (
  id BIGSERIAL PRIMARY KEY, name VARCHAR(80) NOT NULL, city VARCHAR(80) NOT NULL, age BIGINT NOT NULL,
  score FLOAT NOT NULL, active BOOLEAN NOT NULL, created_at TIMESTAMPTZ NOT NULL, bio VARCHAR(200) NOT NULL
);
CREATE INDEX ix_hero_name ON hero (name);
"""


@contextlib.contextmanager
def stocked() -> Iterator[str]:
    """The URL of a new database with :data:`~benchmarks.db.rows.ROWS` rows.

    Raises:
        OSError: There is no server at :data:`SERVER`.
    """
    name = f"velox_bench_{secrets.token_hex(6)}"
    asyncio.run(_tell(SERVER, f"CREATE DATABASE {name}"))
    try:
        url = f"{SERVER.rpartition('/')[0]}/{name}"
        asyncio.run(_fill(url))
        yield url
    finally:
        asyncio.run(_tell(SERVER, f"DROP DATABASE {name} WITH (FORCE)"))


async def _tell(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _fill(url: str) -> None:
    row = "Springfield", 42, 1.5, True, datetime(2026, 1, 1, 12, tzinfo=UTC), "b" * 100
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SCHEMA)
        rows = [(number, f"hero {number}", *row) for number in range(1, ROWS + 1)]
        await connection.copy_records_to_table("hero", records=rows, columns=COLUMNS)
        await connection.execute(f"SELECT setval('hero_id_seq', {ROWS})")
        await connection.execute("ANALYZE hero")
    finally:
        await connection.close()
