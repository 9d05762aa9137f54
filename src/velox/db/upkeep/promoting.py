"""From a SQLite file to a server: the same tables, every row, and a comparison at the end.

    snapshot of the file ──batches──▶ server, with a note of how far it is ──▶ both are read again and compared

A process that is killed is followed by one that goes on from the note: the snapshot is still the same.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.db.database import Database
from velox.db.migrations.applied import VERSION_TABLE
from velox.db.migrations.history import History
from velox.db.migrations.moving import migrate
from velox.db.migrations.state import state_of
from velox.db.upkeep.digest import Digest, RowDigester
from velox.db.upkeep.loading import continue_numbers
from velox.db.upkeep.plain import plain_table
from velox.db.upkeep.progress import (
    PROGRESS_TABLES,
    Progress,
    begin,
    drop_progress,
    note_ready,
    note_rows,
    read_progress,
)
from velox.db.upkeep.referring import Unit, check_references, defer_references, units_of
from velox.db.upkeep.snapshot import BATCH_ROWS, batches_of, digest_of
from velox.errors import ConfigurationError

__all__ = ["Copied", "promote"]

Report = Callable[["Copied"], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """How far a table is.

    Args:
        table: Its name.
        rows: Those that are committed there, in all.
        copied: Those of them that this process copied.
        took_s: How long it took for them, in seconds.
        done: Whether these are all.
    """

    table: str
    rows: int
    copied: int
    took_s: float
    done: bool


async def promote(
    source: Database, target: Database, history: History, metadata: MetaData, *, report: Report | None = None
) -> int:
    """Copy all rows of ``metadata``'s tables from ``source`` to ``target``, which gets the tables first; how many rows.

    Args:
        source: A SQLite file, started. It is only read.
        target: A server's database without rows, started; or one where a promotion was broken off, which goes on.
        history: The project's migrations, all applied to ``source``; without any, the tables are made from the models.
        metadata: The models' tables.
        report: Told of each batch, and of each table's end.

    Raises:
        ConfigurationError: VX460, these two cannot be promoted, or not now; VX461, there is something else in
            ``target``; VX462, a row does not fit; VX463, the copy is not what the source is now; VX407 and VX411 from
            migrating; VX415, the source is damaged.
    """
    file = _file_of(source, target)
    await _check_source(source, history, metadata)
    progress = await _begun(target, metadata)
    snapshot = file.with_name(f".{file.name}.{progress.run}.promote")
    if not snapshot.exists():
        if progress.rows:
            raise ConfigurationError(
                "VX460",
                f"the snapshot {snapshot} of the promotion that was broken off is gone",
                hint=f"Drop and create the database {target.display_url} anew, and promote again.",
            )
        await source.backup(snapshot)
    if not progress.ready:
        await _make_tables(target, history, metadata)
    async with _filling(target) as connection:
        for tables, refers in units_of(metadata):
            await _Copy(connection, snapshot, progress.rows, report or (lambda _: None)).unit(tables, refers=refers)
    rows = await _compare(file, snapshot, target, metadata)
    async with target.writing_connection() as connection, connection.begin():
        await connection.run_sync(drop_progress)
    snapshot.unlink()
    return rows


def _file_of(source: Database, target: Database) -> Path:
    name = source.engine.url.database
    if source.engine.url.drivername != "sqlite" or not name or name == ":memory:":
        raise ConfigurationError(
            "VX460", f"{source.display_url} is no SQLite file", hint="Only a SQLite file is promoted to a server."
        )
    if target.engine.url.drivername == "sqlite":
        raise ConfigurationError(
            "VX460",
            f"{target.display_url} is no server",
            hint="Name one: postgresql://user:password@host/name. A copy of a file: velox db backup.",
        )
    return Path(name)


async def _check_source(source: Database, history: History, metadata: MetaData) -> None:
    """It is where the models are, and nothing in it would be left behind."""
    state = await state_of(source, metadata)
    if behind := (*state.pending(history), *state.missing):
        raise ConfigurationError(
            "VX460", f"{source.display_url} is behind: {', '.join(behind)}", hint="Run first: velox migrate."
        )
    if unknown := [head for head in state.heads if head not in history]:
        raise ConfigurationError(
            "VX460",
            f"{source.display_url} is at {', '.join(unknown)}, which is not among the migrations",
            hint="Promote with the version of the app that uses the database.",
        )
    async with source.connection() as connection:
        left = await connection.run_sync(_with_rows, lambda name: name not in metadata.tables and name != VERSION_TABLE)
        await connection.rollback()
    if left:
        raise ConfigurationError(
            "VX460",
            f"no model knows {', '.join(left)}, which would be left behind with its rows",
            hint="Write models for them (velox db inspect), or drop what is not needed.",
        )


def _with_rows(connection: Connection, wanted: Callable[[str], bool]) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote
    names = [name for name in inspect(connection).get_table_names() if wanted(name)]
    return [name for name in names if connection.scalar(text(f"SELECT EXISTS (SELECT 1 FROM {quote(name)})"))]  # noqa: S608 - a quoted name


async def _begun(target: Database, metadata: MetaData) -> Progress:
    """The promotion that was broken off, or a new one in a database that has nothing else."""

    def look(connection: Connection) -> Progress:
        if (found := read_progress(connection)) is not None:
            return found
        present = set(inspect(connection).get_table_names()) - {VERSION_TABLE, *PROGRESS_TABLES}
        foreign = sorted(present - set(metadata.tables))
        if foreign or (full := _with_rows(connection, lambda name: name in present)):
            what = f"is a table {foreign[0]}, which no model has" if foreign else f"are rows in {full[0]}"
            raise ConfigurationError(
                "VX461", f"there {what}, in {target.display_url}", hint="Promote to an empty database."
            )
        return begin(connection)

    async with target.writing_connection() as connection, connection.begin():
        return await connection.run_sync(look)


async def _make_tables(target: Database, history: History, metadata: MetaData) -> None:
    await migrate(target, history)
    await target.create_tables(metadata)
    async with target.writing_connection() as connection, connection.begin():
        for table in reversed(metadata.sorted_tables):
            await connection.execute(delete(table))  # what migrations put there is in the source, as it is now
        await connection.run_sync(note_ready)


@asynccontextmanager
async def _filling(target: Database) -> AsyncIterator[AsyncConnection]:
    """A connection for rows that bring their own numbers, and that refer to nothing that is not in the source."""
    async with target.writing_connection() as connection:
        if connection.dialect.name == "postgresql":
            yield connection
            return
        # A key of 0 would be replaced by a new number. The snapshot's references were checked when it was made.
        await connection.execute(text("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')"))
        await connection.execute(text("SET SESSION foreign_key_checks = 0"))
        try:
            yield connection
        finally:
            await connection.invalidate()  # nobody else gets it so


class _Copy:
    """Fills tables, batch by batch, each committed with its note."""

    def __init__(self, connection: AsyncConnection, snapshot: Path, rows: dict[str, int], report: Report) -> None:
        self._connection = connection
        self._snapshot = snapshot
        self._rows = rows
        self._report = report

    async def unit(self, tables: Unit, *, refers: bool) -> None:
        """Tables whose rows may refer to later ones are filled in one transaction: all or none."""
        if not refers:
            for table in tables:
                await self._table(table, commits=True)
            return
        eager = await self._connection.run_sync(defer_references, tables)
        for table in tables:
            await self._table(table, commits=False)
        try:
            await self._connection.run_sync(check_references, eager)
        except DBAPIError as error:
            await self._connection.rollback()
            raise _misfit(tables[-1], None, error) from error
        await self._connection.commit()

    async def _table(self, table: Table, *, commits: bool) -> None:
        began, before = time.perf_counter(), self._rows.get(table.name, 0)
        count = before
        async for batch in batches_of(self._snapshot, table, after=before):
            await self._batch(table, batch, count)
            count += len(batch)
            if commits:
                await self._connection.commit()
            self._report(Copied(table.name, count, count - before, time.perf_counter() - began, done=False))
        await self._connection.run_sync(continue_numbers, table)
        if commits:
            await self._connection.commit()
        self._report(Copied(table.name, count, count - before, time.perf_counter() - began, done=True))

    async def _batch(self, table: Table, batch: Sequence[Sequence[Any]], before: int) -> None:
        plain = plain_table(table)
        names = [column.name for column in table.columns]
        given = [name for name in names if table.columns[name].computed is None]
        rows = [{name: value for name, value in zip(names, row, strict=True) if name in given} for row in batch]
        if not await self._connection.run_sync(note_rows, table.name, before, before + len(rows)):
            await self._connection.rollback()
            raise ConfigurationError(
                "VX460", "another process promotes to the same database", hint="Let it finish, and look what it says."
            )
        try:
            await self._connection.execute(insert(plain), rows)
        except (StatementError, ValueError) as error:
            await self._connection.rollback()
            raise await self._first_misfit(table, rows, error) from error

    async def _first_misfit(self, table: Table, rows: Sequence[dict[str, Any]], error: Exception) -> ConfigurationError:
        """Which one it is: one by one, and nothing of it is kept."""
        plain = insert(plain_table(table))
        try:
            await self._connection.run_sync(defer_references, [table])
            for row in rows:
                try:
                    async with self._connection.begin_nested():
                        await self._connection.execute(plain, [row])
                except (StatementError, ValueError) as reason:
                    return _misfit(table, row, reason)
        finally:
            await self._connection.rollback()
        return _misfit(table, None, error)


def _misfit(table: Table, row: dict[str, Any] | None, error: Exception) -> ConfigurationError:
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    keys = ", ".join(f"{key.name}={row[key.name]}" for key in table.primary_key) if row is not None else ""
    return ConfigurationError(
        "VX462",
        f"{f'the row {keys}' if keys else 'a row'} of {table.name} does not fit: {reason}",
        hint="Correct it in the SQLite database, drop and create the target anew, and promote again.",
    )


async def _compare(file: Path, snapshot: Path, target: Database, metadata: MetaData) -> int:
    """Read everything again, there and here; how many rows.

    The file itself is compared, so that what was written to it meanwhile is found; the snapshot tells that from a copy
    that is wrong.
    """
    rows, written = 0, []
    for table in metadata.sorted_tables:
        there = await _digest_there(target, table)
        rows += there.rows
        if there == await digest_of(file, table):
            continue
        if there != (expected := await digest_of(snapshot, table)):
            raise ConfigurationError(
                "VX463",
                f"{table.name} has other values in {target.display_url}: {there.rows} rows, of {expected.rows}",
                hint="Keep using the SQLite database. The server stored something else than it was given; report it.",
            )
        written.append(table.name)
    if written:
        raise ConfigurationError(
            "VX463",
            f"the app has written to {', '.join(written)} since the copy was begun",
            hint=f"Stop the app, drop and create {target.display_url} anew, delete {snapshot}, and promote again.",
        )
    return rows


async def _digest_there(target: Database, table: Table) -> Digest:
    plain = plain_table(table)
    digester = RowDigester(plain)
    async with target.connection() as connection:
        result = await connection.stream(select(plain).execution_options(yield_per=BATCH_ROWS))
        async for batch in result.partitions():
            digester.add(batch)
        await connection.rollback()
    return digester.digest
