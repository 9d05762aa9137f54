"""SQLite as an engine: a file, or memory."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.db.backup import Damaged, faults, write_backup
from velox.db.driver import Connection as Raw
from velox.db.engine import Lane, Lanes, Limits, Notifier, Room
from velox.db.inline import Inline
from velox.db.sqlite import open_engine
from velox.errors import ConfigurationError

__all__ = ["MEMORY", "SQLite"]

MEMORY = ":memory:"


class SQLite:
    """A SQLite file, which is made if it is missing and put in WAL mode, or a database in memory."""

    probe = "SELECT 1 FROM sqlite_master"
    notifier: Notifier | None = None

    def __init__(self, url: URL, limits: Limits) -> None:
        self.url = url
        self.path = url.database or MEMORY
        self.limits = limits

    async def open(self) -> Lanes:
        try:
            connection = await Raw.open(self.path, self.limits.timeout_s)
            if self.path != MEMORY:
                try:
                    await _use_wal(connection, self.limits.timeout_s)
                finally:
                    await connection.close()
        except sqlite3.DatabaseError as error:
            place = Path(self.path)
            folder = "the working directory" if place.parent == Path() else f"the directory {place.parent} exists and"
            raise ConfigurationError(
                "VX402",
                f"{self.url.render_as_string()} cannot be opened: {error}",
                hint=f"Check that {folder} can be written to, and that {place.name} is a SQLite file.",
            ) from error
        return self._lanes(Lane.WRITE, connection if self.path == MEMORY else None)

    @asynccontextmanager
    async def isolated(self, lanes: Lanes) -> AsyncIterator[Lanes]:
        shared = lanes.kept if isinstance(lanes.kept, Raw) else None
        kept = shared or await Raw.open(self.path, self.limits.timeout_s)
        await kept.execute("BEGIN IMMEDIATE")
        inside = self._lanes(Lane.INSIDE, kept)
        try:
            yield inside
        finally:
            inside.kept = None  # it is still to roll back
            await inside.close()
            await kept.execute("ROLLBACK")
            if shared is None:
                await kept.close()

    async def backup(self, lanes: Lanes, target: Path) -> None:
        try:
            async with self._looking(lanes) as connection:
                await connection.run(write_backup, target)
        except (OSError, sqlite3.DatabaseError) as error:
            raise ConfigurationError(
                "VX415",
                f"{self.url.render_as_string()} cannot be copied to {target}: {error}",
                hint="The database is damaged: go back to an older copy."
                if isinstance(error, Damaged)
                else f"Check that {target.parent.absolute()} can be written to and has room.",
            ) from error

    async def faults(self, lanes: Lanes) -> list[str]:
        async with self._looking(lanes) as connection:
            return await connection.run(faults)

    @asynccontextmanager
    async def _looking(self, lanes: Lanes) -> AsyncIterator[Raw]:
        """A connection that is nobody's: it may be busy for long."""
        if self.path == MEMORY and isinstance(lanes.kept, Raw):
            async with lanes.write.connect():  # the only one that writes
                yield lanes.kept
            return
        connection = await Raw.open(self.path, self.limits.timeout_s, read_only=True)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def tables_held(self, connection: AsyncConnection) -> AsyncIterator[None]:
        yield  # BEGIN IMMEDIATE has done it

    async def room(self, connection: AsyncConnection) -> Room | None:
        return None

    def _lanes(self, writing: Lane, kept: Raw | None) -> Lanes:
        timeout_s = self.limits.timeout_s
        # Exactly one connection writes: SQLite has one writer anyway, and a queue in the process is fair, which its
        # file lock is not.
        write = open_engine(
            self.path, writing, size=1, timeout_s=timeout_s, kept=kept, durability=self.limits.durability
        )
        read = open_engine(self.path, Lane.READ, size=self.limits.pool_size, timeout_s=timeout_s, kept=kept)
        return Lanes(write, read, kept, None if kept is not None else Inline(self.path))


async def _use_wal(connection: Raw, timeout_s: float) -> None:
    """Switch to write-ahead logging; it is remembered in the file."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not always wait for this lock, where waiting could be a deadlock
            # (https://www.sqlite.org/c3ref/busy_handler.html): of 600 starts, four at a time on a new file, one failed.
            if "locked" not in str(error) or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.01)
        else:
            return
