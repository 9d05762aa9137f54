"""``Database``: the engines behind a URL, and who gets which connection."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, MetaData, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from velox.db.driver import Connection as Raw
from velox.db.integrity import problem_for
from velox.db.model import Model
from velox.db.reader import Reader
from velox.db.session import Session
from velox.db.sqlite import Lane, open_engine
from velox.errors import ConfigurationError

__all__ = ["Database"]

_MEMORY = ":memory:"


class _Lanes:
    """The open engines: one that writes, one that reads, and the single connection under both where there is one."""

    def __init__(self, path: str, size: int, timeout_s: float, writing: Lane, kept: Raw | None) -> None:
        # Exactly one connection writes: SQLite has one writer anyway, and a queue in the process is fair, which its
        # file lock is not.
        self.write: AsyncEngine = open_engine(path, writing, size=1, timeout_s=timeout_s, kept=kept)
        self.read: AsyncEngine = open_engine(path, Lane.READ, size=size, timeout_s=timeout_s, kept=kept)
        self.kept = kept

    async def close(self) -> None:
        await self.write.dispose()
        await self.read.dispose()
        if self.kept is not None:
            await self.kept.close()


class Database:
    """A SQLite database: an extension of the app, open between :meth:`start` and :meth:`stop`.

    The file is in WAL mode, so readers and the writer do not wait for each other. ``Session`` writes through one
    connection a process, first come, first served; ``Reader`` reads through ``pool_size`` others, which refuse to
    write.

    Args:
        url: ``sqlite:///app.db`` (relative to the working directory), ``sqlite:////var/lib/app.db`` (absolute) or
            ``sqlite://`` (in memory: one connection, gone with the process; there a Reader also sees what a Session has
            not committed yet).
        pool_size: The most connections that read at once, at least 1. With W workers, W * (``pool_size`` + 1) files are
            open.
        timeout_s: Seconds to wait for a connection, and then for another process' lock. A request can wait for both;
            after that it is a 503.

    Raises:
        ConfigurationError: VX401, the URL is no SQLite URL.
    """

    name = "database"

    def __init__(self, url: str, *, pool_size: int = 5, timeout_s: float = 5.0) -> None:
        parsed = _parse(url)
        self.url = url
        self.display_url: str = parsed.render_as_string(hide_password=True)
        self._path = parsed.database or _MEMORY
        self._pool_size = pool_size
        self._timeout_s = timeout_s
        self._lanes: _Lanes | None = None

    async def start(self) -> None:
        """Open the file, creating it if it is missing, and put it in WAL mode.

        Raises:
            ConfigurationError: VX402, it cannot be opened, or is not a database.
        """
        try:
            connection = await Raw.open(self._path, self._timeout_s)
            if self._path != _MEMORY:
                try:
                    await _use_wal(connection, self._timeout_s)
                finally:
                    await connection.close()
        except sqlite3.DatabaseError as error:
            place = Path(self._path)
            folder = "the working directory" if place.parent == Path() else f"the directory {place.parent} exists and"
            raise ConfigurationError(
                "VX402",
                f"{self.display_url} cannot be opened: {error}",
                hint=f"Check that {folder} can be written to, and that {place.name} is a SQLite file.",
            ) from error
        kept = connection if self._path == _MEMORY else None
        self._lanes = _Lanes(self._path, self._pool_size, self._timeout_s, Lane.WRITE, kept)

    async def stop(self) -> None:
        """Close every connection. What was not committed is rolled back."""
        if self._lanes is not None:
            lanes, self._lanes = self._lanes, None
            await lanes.close()

    async def ready(self) -> str | None:
        """``None`` when a query is answered, else why not."""
        if self._lanes is None:
            return "the database is not open"
        try:
            async with self._lanes.read.connect() as connection:
                await connection.execute(text("SELECT 1 FROM sqlite_master"))
        except SQLAlchemyError:
            return "the database does not answer"
        return None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A session that commits when the block ends, and rolls back when it raises or is cancelled.

        Raises:
            Problem: The database refused a row (409, 422) or was busy for too long (503).
            NotAwaited: ``add`` or ``delete`` was called in the block without ``await``.
        """
        # A session used after its end would begin a transaction that nobody ends, and keep every other writer out.
        session = Session(self._open().write, expire_on_commit=False, close_resets_only=False)
        try:
            yield session
            session.refuse_unawaited()
            if session.in_transaction():
                await session.commit()
        except SQLAlchemyError as error:
            if problem := problem_for(error):
                raise problem from error
            raise
        finally:
            await _close(session)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Reader]:
        """A reader that is closed when the block ends.

        Raises:
            ReadOnly: A row was changed in the block: nobody would save it.
            Problem: No connection was free for too long (503).
        """
        reader = Reader(self._open().read, expire_on_commit=False, autoflush=False, close_resets_only=False)
        try:
            yield reader
            reader.refuse_changes()
        except SQLAlchemyError as error:
            if problem := problem_for(error):
                raise problem from error
            raise
        finally:
            await reader.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """SQLAlchemy's own connection, which may write, not in a transaction yet: for work on the schema."""
        async with self._open().write.connect() as connection:
            yield connection

    async def create_tables(self, metadata: MetaData = Model.metadata) -> list[str]:
        """Create the tables that are missing, and leave the others as they are.

        Args:
            metadata: Whose tables. Default: those of all subclasses of ``Model`` imported so far.

        Returns:
            The names of the tables created, in the order of creation.
        """

        def create(connection: Connection) -> list[str]:
            present = set(inspect(connection).get_table_names())
            missing = [table for table in metadata.sorted_tables if table.name not in present]
            metadata.create_all(connection, tables=missing)
            return [table.name for table in missing]

        # One transaction around looking and creating: several workers start at the same time.
        async with self._open().write.begin() as connection:
            return await connection.run_sync(create)

    @asynccontextmanager
    async def isolated(self) -> AsyncIterator[None]:
        """For tests: whatever happens in the block is rolled back at its end, commits included.

        All sessions share one connection and one transaction; a commit is kept until the end of the block. Sessions
        take turns, as they do outside; readers also see what a session has not committed yet.
        """
        outside = self._open()
        kept = outside.kept or await Raw.open(self._path, self._timeout_s)
        await kept.execute("BEGIN IMMEDIATE")
        inside = _Lanes(self._path, self._pool_size, self._timeout_s, Lane.INSIDE, kept)
        self._lanes = inside
        try:
            yield
        finally:
            self._lanes = outside
            await inside.write.dispose()
            await inside.read.dispose()
            await kept.execute("ROLLBACK")
            if kept is not outside.kept:
                await kept.close()

    def _open(self) -> _Lanes:
        if self._lanes is None:
            raise RuntimeError("The database is not open: use it inside the app's lifespan, or await start() first.")
        return self._lanes


async def _close(session: Session) -> None:
    """Roll back what is not committed and give the connection back, even when the task is cancelled meanwhile."""
    if session.in_transaction():
        await asyncio.shield(asyncio.create_task(session.close()))
    else:
        await session.close()


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


def _parse(url: str) -> URL:
    hint = "Use sqlite:///app.db (relative), sqlite:////var/lib/app.db (absolute) or sqlite:// (in memory)."
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError("VX401", "the database URL is not a URL", hint=hint) from None
    shown = parsed.render_as_string(hide_password=True)
    if parsed.drivername != "sqlite" or parsed.host or parsed.query:
        raise ConfigurationError("VX401", f"the database URL {shown} is not supported", hint=hint)
    return parsed
