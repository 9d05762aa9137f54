"""A migration is accepted when it was seen to work: up, the same as the models, down, as before, up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, MetaData

from velox.db.database import Database
from velox.db.migrations.applied import read_heads
from velox.db.migrations.cloning import Clone, copy_of
from velox.db.migrations.comparing import differences, flat
from velox.db.migrations.describing import describe
from velox.db.migrations.history import History, Revision
from velox.db.migrations.memory import Memory
from velox.db.migrations.moving import walk
from velox.db.migrations.shape import Shape, row_counts, shape_of
from velox.errors import ConfigurationError

__all__ = ["Proof", "prove"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a migration was seen to work.

    Args:
        rows: How many rows there were; ``None`` when there was no copy with rows to try it on.
        remark: What is left to doubt.
    """

    rows: int | None
    remark: str | None = None


async def prove(
    clone: Clone, database: Database, history: History, revision: Revision, metadata: MetaData | None
) -> Proof:
    """Try ``revision`` on an empty database, and on a copy of the project's own if that is where it begins.

    Args:
        clone: Where it is tried.
        database: The project's; it is only read.
        history: The migrations, ``revision`` among them.
        revision: The new one.
        metadata: What the database has to be like afterwards; ``None``: whatever it is like.

    Raises:
        ConfigurationError: VX408, with the step that did not work, and why.
    """
    async with (await clone.empty()).writing_connection() as connection:
        await connection.run_sync(_try, history, revision, metadata)
    async with copy_of(database) as copy:
        if copy is None:
            return Proof(None, clone.remark)
        async with copy.writing_connection() as connection:
            rows, doubt = await connection.run_sync(_try_with_rows, history, revision, metadata)
            return Proof(rows, doubt or clone.remark)


def _try(connection: Connection, history: History, revision: Revision, metadata: MetaData | None) -> None:
    memory = Memory()
    walk(connection, history, revision.parents, memory)
    before = _seen(connection, shape_of)
    _step(connection, history, revision, (revision.id,), "up", memory=memory)
    if metadata is not None:
        _compare(connection, revision, metadata, memory)
    after = _seen(connection, shape_of)
    _step(connection, history, revision, revision.parents, "down")
    _same(revision, before, _seen(connection, shape_of), "down does not bring back what was before")
    _step(connection, history, revision, (revision.id,), "up again")
    _same(revision, after, _seen(connection, shape_of), "up after down is not the same as up")


def _try_with_rows(
    connection: Connection, history: History, revision: Revision, metadata: MetaData | None
) -> tuple[int | None, str | None]:
    """How many rows came through (``None`` when the copy is not where the migration begins), and what is in doubt.

    A dropped reference, say, cannot be brought back for rows that are there; the author should know, and may go on.
    """
    heads = _seen(connection, read_heads)
    if set(heads) != set(revision.parents):
        return None, None
    if metadata is not None and not _seen(connection, lambda clone: differences(clone, metadata).ops):
        return None, "the database has all of it already; only note it: velox migrate --fake"
    before = _seen(connection, row_counts)
    _step(connection, history, revision, (revision.id,), "up with the rows of the project's database")
    _rows_kept(revision, before, _seen(connection, row_counts))
    try:
        walk(connection, history, revision.parents)
    except ConfigurationError as error:
        return sum(before.values()), f"cannot be taken back with the rows that are there now: {error.message}"
    _step(connection, history, revision, (revision.id,), "up again with the rows of the project's database")
    _rows_kept(revision, before, _seen(connection, row_counts))
    return sum(before.values()), None


def _rows_kept(revision: Revision, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    for table, rows in before.items():
        if table in after and after[table] != rows:
            raise _unproved(revision, f"of {rows} rows in {table}, {after[table]} are left")


def _step(
    connection: Connection,
    history: History,
    revision: Revision,
    goal: tuple[str, ...],
    way: str,
    *,
    memory: Memory | None = None,
) -> None:
    try:
        walk(connection, history, goal, memory)
    except ConfigurationError as error:
        raise _unproved(revision, f"{way}: {error.message}") from error


def _compare(connection: Connection, revision: Revision, metadata: MetaData, memory: Memory) -> None:
    with connection.begin():
        left = list(flat(differences(connection, metadata, memory)))
    if left:
        texts = "; ".join(f"{change.sign} {change.text}" for change in describe(left))
        raise _unproved(revision, f"after it, the database still differs from the models: {texts}")


def _same(revision: Revision, before: Shape, after: Shape, problem: str) -> None:
    for table in sorted(before.keys() | after.keys()):
        if before.get(table) != after.get(table):
            raise _unproved(revision, f"{problem}: table {table} {_what(before.get(table), after.get(table))}")


def _what(before: tuple[object, ...] | None, after: tuple[object, ...] | None) -> str:
    if before is None or after is None:
        return "is there" if before is None else "is missing"
    pairs = zip(("columns", "key", "references", "unique constraints", "indexes"), before, after, strict=True)
    return "has other " + " and ".join(part for part, old, new in pairs if old != new)


def _seen(connection: Connection, look: Callable[[Connection], T]) -> T:
    with connection.begin():
        return look(connection)


def _unproved(revision: Revision, reason: str) -> ConfigurationError:
    return ConfigurationError(
        "VX408",
        f"{revision.id} is not accepted: {reason}",
        hint="Nothing was written. Change less at once, or write it by hand: velox makemigrations --empty.",
    )
