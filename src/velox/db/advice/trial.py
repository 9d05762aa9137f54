"""A copy of the tables that a workload is about, to make indexes on and to measure.

SQLite's file is copied as a whole. On a server the copies are temporary tables: they have the same names and are found
first, nobody else sees them, they are gone with the connection, and the tables themselves are only read, once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, thread_time
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.db.advice.candidates import Candidate
from velox.db.advice.explaining import explain, reads
from velox.db.advice.plan import Plan
from velox.db.database import Database
from velox.db.migrations.cloning import copy_of
from velox.errors import ConfigurationError

__all__ = ["INDEX", "Trial", "autocommit", "trial"]

INDEX = "velox_trial_index"
_ROWS = "velox_trial_rows"
_WRITTEN = 500
"""Rows that are written to see what an index costs."""
_RUNS = 5
_AT_MOST_S = 0.1
"""A statement is run again until it has taken this long in all."""


@dataclass(slots=True)
class Trial:
    """Copies of tables.

    Args:
        connection: In autocommit.
        dialect: SQLAlchemy's name of the database.
        keys: Table → its primary key's columns.
        rows: Table → how many rows its copy has.
        cut: The tables that have more rows than their copies.
    """

    connection: AsyncConnection
    dialect: str
    keys: dict[str, Sequence[str]]
    rows: dict[str, int] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)

    async def seconds(self, sql: str, samples: Sequence[Any]) -> float:
        """How long the statement takes: the median over its values of the best of a few runs. A change is undone.

        Raises:
            sqlalchemy.exc.DBAPIError: It cannot be run here.
        """
        return median([await self._best(sql, sample) for sample in samples or [()]])

    async def plan(self, sql: str, samples: Sequence[Any]) -> Plan:
        """What would be done for it."""
        return await explain(self.connection, sql, samples[0] if samples else ())

    @asynccontextmanager
    async def index(self, candidate: Candidate) -> AsyncIterator[int | None]:
        """The index is there in the block; yields its size in bytes, if that can be told.

        Raises:
            sqlalchemy.exc.DBAPIError: There can be no such index.
        """
        before = await self._pages()
        await self.run(candidate.ddl(self.dialect, name=INDEX))
        try:
            await self.analyze(candidate.table)
            after = await self._pages()
            yield None if before is None or after is None else after - before
        finally:
            await self.run(
                f"DROP INDEX {INDEX}" + (f" ON `{candidate.table}`" if self.dialect in {"mysql", "mariadb"} else "")
            )

    async def writing_s(self, table: str) -> float | None:
        """Seconds of writing some hundred rows, which is undone; ``None`` when they cannot be written."""
        key = self.keys.get(table)
        if not key:
            return None
        is_mysql = self.dialect in {"mysql", "mariadb"}
        mark = "`" if is_mysql else '"'
        of = f"{mark}{table}{mark}"
        named = ", ".join(f"{mark}{name}{mark}" for name in key)
        if is_mysql:  # it would look through the subquery once for each row
            delete = f"DELETE {of} FROM {of} JOIN {_ROWS} USING ({named})"
        else:
            delete = f"DELETE FROM {of} WHERE ({named}) IN (SELECT {named} FROM {_ROWS})"
        times = []
        try:
            await self.run(f"CREATE TEMPORARY TABLE {_ROWS} AS SELECT * FROM {of} LIMIT {_WRITTEN}")
            for _ in range(_RUNS):
                async with self._undone():
                    await self.run(delete)
                    began_s = perf_counter()
                    await self.run(f"INSERT INTO {of} SELECT * FROM {_ROWS}")
                    times.append(perf_counter() - began_s)
        except SQLAlchemyError:
            return None
        finally:
            with suppress(SQLAlchemyError):
                await self.run(f"DROP TABLE {_ROWS}")
        return min(times)

    async def _best(self, sql: str, sample: Any) -> float:
        best, spent_s = float("inf"), 0.0
        for _ in range(_RUNS):
            async with self._undone() if not reads(sql) else nullcontext():
                took_s = await self._once(sql, sample)
            best, spent_s = min(best, took_s), spent_s + took_s
            if spent_s > _AT_MOST_S:
                break
        return max(best, 1e-7)

    async def _once(self, sql: str, sample: Any) -> float:
        """The database's own time, without the way there: a server tells, and SQLite is this process."""
        if self.dialect != "sqlite":
            plan = await explain(self.connection, sql, sample, run=True)
            if plan.ms is not None:
                return plan.ms / 1000
        else:
            adapter: Any = (await self.connection.get_raw_connection()).dbapi_connection
            try:
                return float(await adapter.driver.run(_timed, sql, sample or ()))
            except sqlite3.Error as error:
                raise DBAPIError(sql, sample, error) from error
        began_s = perf_counter()
        (await self.connection.exec_driver_sql(sql, sample or ())).close()
        return perf_counter() - began_s

    @asynccontextmanager
    async def _undone(self) -> AsyncIterator[None]:
        """What is done in the block is rolled back. Velox's SQLite is in a transaction always, a server never."""
        inside = self.dialect == "sqlite"
        await self.run("SAVEPOINT velox_trial" if inside else "BEGIN")
        try:
            yield
        finally:
            await self.run("ROLLBACK TO velox_trial" if inside else "ROLLBACK")
            if inside:
                await self.run("RELEASE velox_trial")

    async def run(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        await self.connection.exec_driver_sql(statement)

    async def analyze(self, table: str) -> None:
        """Let the planner learn what is in a table."""
        match self.dialect:
            case "sqlite":
                await self.run("ANALYZE")
            case "postgresql":
                await self.run(f'VACUUM ANALYZE pg_temp."{table}"')  # without it, no index-only scan
            case _:
                await self.run(f"ANALYZE TABLE `{table}`")

    async def _pages(self) -> int | None:
        """Bytes in use by everything, or by the trial's index."""
        match self.dialect:
            case "sqlite":
                values = [(await self.value(f"PRAGMA {name}")) for name in ("page_count", "freelist_count")]
                return int((values[0] - values[1]) * await self.value("PRAGMA page_size"))
            case "postgresql":
                return int(await self.value(f"SELECT coalesce(pg_relation_size(to_regclass('pg_temp.{INDEX}')), 0)"))
            case _:
                return None

    async def value(self, statement: str) -> Any:
        """The first column of the first row."""
        return (await self.connection.exec_driver_sql(statement)).scalar()


def _timed(raw: sqlite3.Connection, sql: str, sample: Any) -> float:
    """In the driver's thread: its own time, whatever else the machine does."""
    began_s = thread_time()
    raw.execute(sql, sample).fetchall()
    return thread_time() - began_s


@asynccontextmanager
async def trial(
    database: Database, tables: Collection[str], keys: dict[str, Sequence[str]], *, rows: int
) -> AsyncIterator[Trial]:
    """Copies of ``tables``.

    Args:
        database: It is started.
        tables: Which. On SQLite, all.
        keys: Table → its primary key's columns.
        rows: The most rows of a table that are copied from a server.

    Raises:
        ConfigurationError: VX444, they cannot be copied.
    """
    dialect = make_url(database.url).get_backend_name()
    if dialect == "sqlite":
        async with copy_of(database) as copy:
            if copy is None:
                raise ConfigurationError(
                    "VX444",
                    f"{database.display_url} is no file, or larger than 256 MiB, and is not copied",
                    hint="Name a smaller copy of it: velox db advise --url sqlite:///copy.db",
                )
            async with autocommit(copy) as connection:
                made = Trial(connection, dialect, keys)
                await made.run("PRAGMA foreign_keys = OFF")
                await made.run("ANALYZE")
                for table in tables:
                    made.rows[table] = await made.value(f'SELECT count(*) FROM "{table}"')
                yield made
        return
    async with autocommit(database) as connection:
        made = Trial(connection, dialect, keys)
        try:
            for table in tables:
                await _copy(made, table, rows)
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ConfigurationError(
                "VX444",
                f"the tables of {database.display_url} cannot be copied: {reason}",
                hint="The copies are temporary tables: the user needs the right to make some.",
            ) from None
        try:
            yield made
        finally:
            await connection.invalidate()  # the copies go with it


@asynccontextmanager
async def autocommit(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection that writes, on a server in no transaction."""
    async with database.writing_connection() as connection:
        yield await connection.execution_options(isolation_level="AUTOCOMMIT")


async def _copy(made: Trial, table: str, rows: int) -> None:
    if made.dialect == "postgresql":
        schema = await made.value(
            "SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"""WHERE c.oid = '"{table}"'::regclass"""
        )
        source = f'{schema}."{table}"'
        await made.run(f'CREATE TEMPORARY TABLE "{table}" (LIKE {source} INCLUDING ALL)')
        await made.run(f'INSERT INTO pg_temp."{table}" OVERRIDING SYSTEM VALUE SELECT * FROM {source} LIMIT {rows}')
        made.rows[table] = await made.value(f'SELECT count(*) FROM pg_temp."{table}"')
    else:
        # A name means the temporary table once there is one, so that the rows come by way of another name.
        await made.run(f"CREATE TEMPORARY TABLE `{_ROWS}` LIKE `{table}`")
        await made.run(f"INSERT INTO `{_ROWS}` SELECT * FROM `{table}` LIMIT {rows}")
        await made.run(f"ALTER TABLE `{_ROWS}` RENAME TO `{table}`")
        made.rows[table] = await made.value(f"SELECT count(*) FROM `{table}`")
    if made.rows[table] >= rows:
        made.cut.add(table)
    await made.analyze(table)
