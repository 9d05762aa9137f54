"""Makes the rows of one bucket on one shard those of another: deletes, inserts and updates what differs.

It is the copying, the catching up and the verification in one: a pass that changes nothing has compared every row. It
may be killed at any moment, and simply run again.

The source is read in one snapshot, so that no row refers to one that is not there yet. The target is written in small
transactions, or in one where the caller has begun it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from sqlalchemy import Column, Table, and_, delete, false, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from velox.db.shards.sharded import BUCKET

__all__ = ["Connections", "empty", "make_same", "snapshot"]

_AT_ONCE = 1000
"""Rows in one transaction."""


class Connections(Protocol):
    """The engines of a database: one that writes, one that reads."""

    write: AsyncEngine
    read: AsyncEngine


Writing = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


@asynccontextmanager
async def snapshot(lanes: Connections) -> AsyncIterator[AsyncConnection]:
    """A connection that sees one moment, and keeps nobody from writing."""
    if lanes.read.dialect.name == "sqlite":
        async with lanes.read.connect() as connection:
            await connection.exec_driver_sql("BEGIN")  # not immediate: it only reads
            try:
                yield connection
            finally:
                await connection.exec_driver_sql("ROLLBACK")
        return
    async with lanes.write.connect() as connection:
        yield await connection.execution_options(isolation_level="REPEATABLE READ")


async def make_same(tables: Sequence[Table], bucket: int, source: AsyncConnection, writing: Writing) -> int:
    """Make the target's rows of a bucket those of the source; how many were different.

    Args:
        tables: What there is, each after those that it refers to.
        bucket: The bucket.
        source: A connection for reading.
        writing: Opens a transaction at the target, which is committed at its end.
    """
    try:
        return await _delete_extra(tables, bucket, source, writing) + await _write(tables, bucket, source, writing)
    except IntegrityError:
        # Rows have exchanged what is unique: no order of single changes does that.
        return await empty(tables, bucket, writing) + await _write(tables, bucket, source, writing)


async def empty(tables: Sequence[Table], bucket: int, writing: Writing) -> int:
    """Delete all rows of a bucket; how many there were."""
    deleted = 0
    for table in reversed(tables):
        keys = list(table.primary_key)
        while True:
            async with writing() as target:
                asked = select(*keys).where(table.c[BUCKET] == bucket).limit(_AT_ONCE)
                found = (await target.execute(asked)).all()
                if found:
                    await target.execute(delete(table).where(_among(keys, found)))
            deleted += len(found)
            if len(found) < _AT_ONCE:
                break
    return deleted


async def _delete_extra(tables: Sequence[Table], bucket: int, source: AsyncConnection, writing: Writing) -> int:
    deleted = 0
    for table in reversed(tables):
        keys = list(table.primary_key)
        after: Any = None
        while True:
            async with writing() as target:
                there = (await target.execute(_page(keys, table, bucket, after))).all()
                upto = there[-1] if len(there) == _AT_ONCE else None
                wanted = {tuple(row) for row in await source.execute(_between(keys, table, bucket, (after, upto)))}
                if extra := [row for row in there if tuple(row) not in wanted]:
                    await target.execute(delete(table).where(_among(keys, extra)))
            deleted += len(extra)
            if upto is None:
                break
            after = upto
    return deleted


async def _write(tables: Sequence[Table], bucket: int, source: AsyncConnection, writing: Writing) -> int:
    written = 0
    for table in tables:
        columns = [column for column in table.c if column.computed is None]
        keys = list(table.primary_key)
        places = [columns.index(key) for key in keys]
        after: Any = None
        while True:
            rows = (await source.execute(_page(columns, table, bucket, after))).all()
            upto = _key(rows[-1], places) if len(rows) == _AT_ONCE else None
            async with writing() as target:
                found = await target.execute(_between(columns, table, bucket, (after, upto)))
                there = {_key(row, places): row for row in found}
                new = [row for row in rows if _key(row, places) not in there]
                if new:
                    await target.execute(insert(table), [_values(columns, row) for row in new])
                changed = [row for row in rows if not _is_same(row, there.get(_key(row, places), row))]
                for row in changed:
                    same = _among(keys, [_key(row, places)])
                    await target.execute(update(table).where(same).values(_values(columns, row)))
            written += len(new) + len(changed)
            if upto is None:
                break
            after = upto
    return written


def _page(columns: Sequence[Column[Any]], table: Table, bucket: int, after: Any) -> Any:
    """The next rows of a bucket, in the order of their keys."""
    return _between(columns, table, bucket, (after, None)).order_by(*table.primary_key).limit(_AT_ONCE)


def _between(columns: Sequence[Column[Any]], table: Table, bucket: int, keys: tuple[Any, Any]) -> Any:
    """The rows of a bucket whose keys are above the first of ``keys``, and not above the second."""
    own = list(table.primary_key)
    after, upto = keys
    asked = select(*columns).where(table.c[BUCKET] == bucket)
    if after is not None:
        asked = asked.where(_above(own, after))
    if upto is not None:
        asked = asked.where(~_above(own, upto))
    return asked


def _above(keys: Sequence[Column[Any]], values: Sequence[Any]) -> Any:
    """A key that comes after another one, as the database sorts."""
    above: Any = false()
    for key, value in reversed(list(zip(keys, values, strict=True))):
        above = or_(key > value, and_(key == value, above))
    return above


def _among(keys: Sequence[Column[Any]], rows: Sequence[Sequence[Any]]) -> Any:
    if len(keys) == 1:
        return keys[0].in_([row[0] for row in rows])
    return or_(*(and_(*(key == value for key, value in zip(keys, row, strict=True))) for row in rows))


def _key(row: Sequence[Any], places: Sequence[int]) -> tuple[Any, ...]:
    return tuple(row[place] for place in places)


def _values(columns: Sequence[Column[Any]], row: Sequence[Any]) -> dict[str, Any]:
    return {column.key: value for column, value in zip(columns, row, strict=True)}


def _is_same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    # What is not equal to itself (NaN) is the same all the same.
    return all(mine == theirs or (mine != mine and theirs != theirs) for mine, theirs in zip(one, other, strict=True))  # noqa: PLR0124
