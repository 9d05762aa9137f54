"""A SQLite file that is read as a whole, table by table, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, create_engine, select
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from velox.db.upkeep.digest import Digest, RowDigester
from velox.db.upkeep.plain import plain_table

__all__ = ["BATCH_ROWS", "batches_of", "digest_of"]

BATCH_ROWS = 5_000
"""Rows in memory at a time, and in one transaction of the target."""

_Batch = Sequence[Sequence[Any]]


async def batches_of(file: Path, table: Table, *, after: int = 0) -> AsyncIterator[_Batch]:
    """The rows of ``table`` by its key, without the first ``after``; the next batch is read while one is written."""
    with _batches(file, table, after) as batches:
        ahead = asyncio.create_task(asyncio.to_thread(next, batches, None))
        try:
            while (batch := await ahead) is not None:
                ahead = asyncio.create_task(asyncio.to_thread(next, batches, None))
                yield batch
        finally:
            await asyncio.wait([ahead])  # the file is not closed under the thread that reads it


async def digest_of(file: Path, table: Table) -> Digest:
    """What ``table`` holds now."""

    def read() -> Digest:
        digester = RowDigester(plain_table(table))
        with _batches(file, table, 0) as batches:
            for batch in batches:
                digester.add(batch)
        return digester.digest

    return await asyncio.to_thread(read)


@contextmanager
def _batches(file: Path, table: Table, after: int) -> Iterator[Iterator[_Batch]]:
    plain = plain_table(table)
    query = select(plain).order_by(*plain.primary_key.columns).offset(after)
    engine = create_engine(URL.create("sqlite", database=str(file)), poolclass=NullPool)
    connect = engine.connect
    with connect() as connection:
        result = connection.execution_options(yield_per=BATCH_ROWS).execute(query)
        yield iter(result.partitions())
        result.close()
