"""Moves a database along its history, one whole migration after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.db.database import Database
from velox.db.migrations.applied import read_heads, write_heads
from velox.db.migrations.history import LATEST, History, Step
from velox.db.migrations.locking import is_busy, locked
from velox.db.migrations.memory import Memory
from velox.db.migrations.running import run_step
from velox.errors import ConfigurationError

__all__ = ["Done", "applied_heads", "migrate", "walk"]

LOCK_TIMEOUT_S = 60.0
"""How long another migration may take before we give up waiting for it."""
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Done:
    """A step that is committed, and how long it took."""

    step: Step
    took_s: float


async def applied_heads(database: Database) -> tuple[str, ...]:
    """The newest migrations that the database has seen."""
    async with database.writing_connection() as connection:
        heads = await connection.run_sync(read_heads)
        await connection.rollback()
    return heads


async def migrate(
    database: Database,
    history: History,
    target: str = LATEST,
    *,
    fake: bool = False,
    report: Callable[[Done], None] | None = None,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> list[Done]:
    """Bring the database to ``target``; several processes may do so at the same time.

    Each migration is committed together with the note that it was applied, where the server can undo changes of the
    schema (SQLite, PostgreSQL). A process that is killed leaves the database at a whole migration, and the next one
    goes on from there.

    Args:
        database: A started one.
        history: The migrations.
        target: ``latest``, ``zero``, or a migration's id or its beginning.
        fake: Only note down that the migrations were applied.
        report: Told of each step.
        lock_timeout_s: How long to wait for another process that migrates, in seconds.

    Raises:
        ConfigurationError: VX404, VX405 for the target; VX407, a migration failed, and nothing of it is left;
            VX411, another process migrated for too long.
    """
    done: list[Done] = []
    goal = history.find(target)
    async with database.writing_connection() as connection, locked(connection, lock_timeout_s):
        while (one := await _patiently(connection, lock_timeout_s, history, goal, fake)) is not None:
            done.append(one)
            if report is not None:
                report(one)
    return done


def walk(connection: Connection, history: History, goal: Sequence[str], memory: Memory | None = None) -> None:
    """Do all steps to ``goal`` on ``connection``, which nobody else uses: a clone."""
    while _one(connection, history, goal, fake=False, memory=memory) is not None:
        pass


async def _patiently(connection: AsyncConnection, timeout_s: float, *arguments: Any) -> Done | None:
    """The next step; where SQLite is locked by another process, again and again until ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return await connection.run_sync(_one, *arguments)
        except DBAPIError as error:
            if not is_busy(error):
                raise
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    "VX411",
                    f"another process has been writing to the database for more than {timeout_s:g} s",
                    hint="Wait until it is done, and run velox migrate again.",
                ) from error
        await asyncio.sleep(_PAUSE_S)


def _one(
    connection: Connection, history: History, goal: Sequence[str], fake: bool, memory: Memory | None = None
) -> Done | None:
    """The next step to ``goal``, committed; ``None`` when there is none left."""
    began = time.perf_counter()
    with _free_of_references(connection), connection.begin():
        heads = read_heads(connection)
        route = history.route(heads, goal)
        if not route:
            return None
        if not fake:
            run_step(connection, route[0], memory)
            _check_references(connection, route[0])
        write_heads(connection, history.after(heads, route[0]))
    return Done(route[0], time.perf_counter() - began)


@contextmanager
def _free_of_references(connection: Connection) -> Iterator[None]:
    """SQLite would follow ``ON DELETE CASCADE`` while a table is made anew (https://www.sqlite.org/lang_altertable.html,
    section 7). The switch works outside of a transaction only.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    _switch_references(connection, "OFF")
    try:
        yield
    finally:
        _switch_references(connection, "ON")


def _switch_references(connection: Connection, state: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA foreign_keys = {state}")
    cursor.close()


def _check_references(connection: Connection, step: Step) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        table, row, referred, _ = broken[0]
        raise ConfigurationError(
            "VX407",
            f"{step.revision.id}: {len(broken)} rows refer to rows that are not there; the first is row {row} of "
            f"{table}, which refers to {referred}",
            hint="Mend those rows in the migration, before the reference is checked; nothing was changed.",
        )
