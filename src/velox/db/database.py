"""``Database``: the engines behind a URL, and who gets which connection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, MetaData, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from velox.db.engine import Durability, Engine, Lanes, Limits, Room
from velox.db.integrity import problem_for
from velox.db.lane import Reads
from velox.db.model import Model
from velox.db.observing import Listener, Observers
from velox.db.placement import MAIN, SHARDS, check_references, groups_in, part_of
from velox.db.reader import Reader
from velox.db.replicas import ReplicaLane, Replicas
from velox.db.routed import RoutedGroup, RoutedLane, RoutedSession
from velox.db.session import Session
from velox.db.shards.ledger import Ledger, prepare_map, prepare_shard
from velox.db.shards.sharded import check_sharded
from velox.db.switchboard import Switchboard
from velox.db.urls import engine_for
from velox.db.watch import Use, Watch
from velox.db.writer import Writer
from velox.errors import ConfigurationError

__all__ = ["Database", "Part"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")

S = TypeVar("S", bound=Session)

_writes: ContextVar[bool] = ContextVar("velox_database_writes", default=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One database, and the tables that are in it.

    Args:
        group: What its models say: ``""`` for the main database, a name, or ``shards``.
        name: Its name in the settings; empty for the main one.
        metadata: The tables.
        database: The database.
    """

    group: str
    name: str
    metadata: MetaData
    database: Database


class Database:
    """A database: an extension of the app, open between :meth:`start` and :meth:`stop`.

    SQLite is built in. Its file is in WAL mode, so readers and the writer do not wait for each other; ``Session``
    writes through one connection a process, first come, first served; ``Reader`` reads through ``pool_size`` others,
    which refuse to write. PostgreSQL and MariaDB are reached by the drivers of the extras ``postgres`` and ``mysql``;
    there, sessions and readers have ``pool_size`` connections each.

    Args:
        url: ``sqlite:///app.db`` (relative to the working directory), ``sqlite:////var/lib/app.db`` (absolute),
            ``sqlite://`` (in memory: one connection, gone with the process; there a Reader also sees what a Session has
            not committed yet), ``postgresql://user:password@host/name`` or ``mariadb://user:password@host/name``. A
            server's URL may end with ``?sslmode=verify-full&sslrootcert=/path/ca.pem``.
        pool_size: The most connections that read at once, at least 1; on a server, as many write. Connections are
            opened when they are needed: with W workers up to W * (``pool_size`` + 2) on SQLite, W * 2 * ``pool_size``
            on a server.
        timeout_s: Seconds to wait for a connection, and then for another's lock. A request can wait for both; after
            that it is a 503.
        statement_timeout_s: Seconds that a server may work on one statement; then it is a 503. 0: for ever. SQLite has
            no such limit.
        durability: What a commit on SQLite survives: the death of the process, or with ``"full"`` a power cut, too, for
            which it waits for the disk. A server decides that itself.
        watch: Whether to log where a session's transaction stays open for more than 50 ms while its task waits for
            something else than the database. The app does in ``dev``.
        replica_urls: Copies of the database, which readers use in turn. One that is away is left out until it is back;
            when all are, readers use the database itself.
        databases: Other databases by name, for models with ``database="name"``. Each is opened, migrated and closed
            with this one, and has ``pool_size`` connections of its own.
        shards: The databases by name over which models with ``shard_by=`` are spread. Without any, they are in this
            one.

    Raises:
        ConfigurationError: VX401, no such URL is supported; VX430, a name cannot be used; VX701, the driver is not
            installed.
    """

    name = "database"

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        timeout_s: float = 5.0,
        statement_timeout_s: float = 30.0,
        durability: Durability = "normal",
        watch: bool = False,
        replica_urls: Sequence[str] = (),
        databases: Mapping[str, str] = MappingProxyType({}),
        shards: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        limits = Limits(pool_size, timeout_s, statement_timeout_s, durability)
        self.engine: Engine = engine_for(url, limits)
        self.url = url
        self.display_url: str = self.engine.url.render_as_string(hide_password=True)
        self._watch = Watch() if watch else None
        self._lanes: Lanes | None = None
        self._observers = Observers()
        self._closed: list[Callable[[], Awaitable[None]]] = []
        self._heard: WeakSet[AsyncEngine] = WeakSet()
        self._replicas = Replicas([engine_for(replica, limits) for replica in replica_urls], self._hear)
        check_names(databases, shards)
        self.others: dict[str, Database] = {
            name: Database(
                other,
                pool_size=pool_size,
                timeout_s=timeout_s,
                statement_timeout_s=statement_timeout_s,
                durability=durability,
            )
            for name, other in (*databases.items(), *shards.items())
        }
        """The databases beside this one, shards included, by name."""
        for other_database in self.others.values():
            other_database._observers = self._observers  # who listens hears all of them
        self.shards: tuple[str, ...] = tuple(shards)
        """The names of those that are shards."""
        self._ledger = Ledger()
        self._switchboard = Switchboard(self.lanes_of, list(databases), self.shards, self._ledger)
        self._timeout_s = timeout_s

    async def start(self) -> None:
        """Reach the database; a SQLite file that is missing is made.

        Raises:
            ConfigurationError: VX402, it cannot be reached or opened.
        """
        try:
            self._lanes = await self.engine.open()
            self._hear(self._lanes)
            await self._replicas.open()
            for other in self.others.values():
                await other.start()
            if self.shards:
                await self._prepare_shards()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every connection. What was not committed is rolled back."""
        for other in self.others.values():
            await other.stop()
        if self._lanes is not None:
            for closed in self._closed:
                await closed()
            lanes, self._lanes = self._lanes, None
            await self._replicas.close()
            await lanes.close()

    async def ready(self) -> str | None:
        """``None`` when a query is answered, else why not."""
        if self._lanes is None:
            return "the database is not open"
        try:
            async with self._lanes.read.connect() as connection:
                await connection.exec_driver_sql(self.engine.probe)
        except SQLAlchemyError:
            return "the database does not answer"
        answers = await asyncio.gather(*(other.ready() for other in self.others.values()))
        reasons = [f"{name}: {why}" for name, why in zip(self.others, answers, strict=True) if why is not None]
        return "; ".join(reasons) or None

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A session that commits when the block ends, and rolls back when it raises or is cancelled.

        Raises:
            Problem: The database refused a row (409, 422) or was busy for too long (503).
            NotAwaited: ``add`` or ``delete`` was called in the block without ``await``.
        """
        return self.session_of(Session)

    @asynccontextmanager
    async def session_of(self, cls: type[S]) -> AsyncIterator[S]:
        """:meth:`session`, of a class of your own."""
        # A session used after its end would begin a transaction that nobody ends, and keep every other writer out.
        options: dict[str, Any] = {"expire_on_commit": False, "close_resets_only": False}
        if self.others:
            await self._switchboard.freshen()
            options |= {"sync_session_class": RoutedSession, "switchboard": self._switchboard}
            options["wait_s"] = self._timeout_s
        session = cls(self._open().write, use=Use(self._watch), **options)
        try:
            with _writing(), self._observers.unit():
                yield session
            await session.finish()
        except SQLAlchemyError as error:
            if problem := problem_for(error):
                raise problem from error
            raise
        finally:
            await _close(session)

    @asynccontextmanager
    async def reader(self, *, fresh: bool = False) -> AsyncIterator[Reader]:
        """A reader that is closed when the block ends.

        Args:
            fresh: Read from the database itself, and not from a replica, which may be a moment behind. That is so
                anyway without replicas, and while a session or a writer is open in the same task. Default ``False``.

        Raises:
            Problem: No connection was free for too long (503).
        """
        primary = self._open().reading
        lane: Reads = primary
        if self._replicas and not fresh:
            lane = ReplicaLane(self._replicas, primary, _writes.get)
        reader = Reader(RoutedLane(self._switchboard, lane) if self.others else lane)
        try:
            with self._observers.unit():
                yield reader
        except SQLAlchemyError as error:
            if problem := problem_for(error):
                raise problem from error
            raise
        finally:
            await reader.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """SQLAlchemy's own connection, which only reads: for statements about no model."""
        async with self._open().read.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing_connection(self) -> AsyncIterator[AsyncConnection]:
        """SQLAlchemy's own connection, which may write, not in a transaction yet: for work on the schema."""
        async with self._open().write.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Writer]:
        """A writer that is closed when the block ends. What it has stored is committed already, also when it raises."""
        group = RoutedGroup(self._switchboard, self._timeout_s) if self.others else self._open().group
        writer = Writer(group, observed=bool(self._observers))
        try:
            with _writing(), self._observers.unit():
                yield writer
        finally:
            writer.close()

    async def create_tables(self, metadata: MetaData = Model.metadata) -> list[str]:
        """Create the tables that are missing, and leave the others as they are; each in its own database.

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

        if self.others:
            made = [await part.database.alone().create_tables(part.metadata) for part in self.parts(metadata)]
            return list(dict.fromkeys(chain.from_iterable(made)))
        # Nobody else between looking and creating: several workers start at the same time.
        async with self._open().write.begin() as connection, self.engine.tables_held(connection):
            return await connection.run_sync(create)

    async def missing_tables(self, metadata: MetaData = Model.metadata) -> list[str]:
        """The names of the tables that :meth:`create_tables` would create; nothing is changed."""

        def missing(connection: Connection) -> list[str]:
            present = set(inspect(connection).get_table_names())
            return [table.name for table in metadata.sorted_tables if table.name not in present]

        if self.others:
            lacking = [await part.database.alone().missing_tables(part.metadata) for part in self.parts(metadata)]
            return list(dict.fromkeys(chain.from_iterable(lacking)))
        async with self._open().read.connect() as connection:
            return await connection.run_sync(missing)

    async def room(self) -> Room | None:
        """How many connections a worker opens at most, and how many the server allows in all; ``None`` on SQLite."""
        async with self._open().read.connect() as connection:
            return await self.engine.room(connection)

    async def backup(self, target: str | Path) -> None:
        """Copy a SQLite database to the file ``target`` as of one moment; readers and writers go on meanwhile.

        The copy is checked before it takes the place of a file that is there already.

        Raises:
            ConfigurationError: VX415, it cannot be written, the database is damaged, or it is none of SQLite.
        """
        await self.engine.backup(self._open(), Path(target))

    async def faults(self) -> list[str]:
        """What is wrong with a SQLite file, a line each: broken pages and indexes, references to nothing. It reads the
        whole file, and nobody waits for it. A server looks after its files itself: empty.
        """
        return await self.engine.faults(self._open())

    @asynccontextmanager
    async def isolated(self) -> AsyncIterator[None]:
        """For tests: whatever happens in the block is rolled back at its end, commits included.

        All sessions share one connection and one transaction; a commit is kept until the end of the block. Sessions
        take turns; readers also see what a session has not committed yet. MariaDB and MySQL commit when a table is
        made, so make tables before.
        """
        outside, replicas = self._open(), self._replicas
        async with AsyncExitStack() as others, self.engine.isolated(outside) as inside:
            for other in self.others.values():
                await others.enter_async_context(other.isolated())
            self._lanes, self._replicas = inside, Replicas([])
            self._hear(inside)
            try:
                yield
            finally:
                self._lanes, self._replicas = outside, replicas

    def listen(self, listener: Listener, *, closed: Callable[[], Awaitable[None]] | None = None) -> None:
        """Tell ``listener`` of each statement from the next :meth:`start` on; without any, nothing is spent on it.

        Args:
            listener: It is called in the middle of the work, so it should not take long, nor raise.
            closed: Called when the database stops, while it still answers.
        """
        self._observers.add(listener)
        if closed is not None:
            self._closed.append(closed)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Tell ``listener`` of each statement that is run in the block, by whomever."""
        self._observers.add(listener)
        for database in (self, *self.others.values()):
            database._hear(database._open())
        try:
            yield
        finally:
            self._observers.remove(listener)

    def _hear(self, lanes: Lanes) -> None:
        if self._observers and lanes.write not in self._heard:
            self._heard.add(lanes.write)
            self._observers.attach(lanes)

    def parts(self, metadata: MetaData = Model.metadata) -> list[Part]:
        """Each database with its tables: the main one first, then others and shards in the order of the settings.

        Raises:
            ConfigurationError: VX430, a model is in a database that is not in the settings; VX431, a table refers to
                one in another database; VX435, a sharded model is not fit.
        """
        groups = groups_in(metadata)
        for group in sorted(groups - {MAIN}):
            self._switchboard.place_of_group(group) if group != SHARDS else None
        check_references(metadata)
        check_sharded(metadata)
        in_main = {MAIN} if self.shards else {MAIN, SHARDS}
        parts = [Part(MAIN, "", part_of(metadata, in_main), self)]
        for name, other in self.others.items():
            group = SHARDS if name in self.shards else name
            parts.append(Part(group, name, part_of(metadata, {group}), other))
        return parts

    def alone(self) -> Database:
        """This database as if there were no others beside it; open if this one is."""
        if not self.others:
            return self
        other = Database(self.url, timeout_s=self._timeout_s)
        other.engine, other._lanes = self.engine, self._lanes
        return other

    def lanes_of(self, place: str) -> Lanes:
        """The open lanes of this database (``""``), or of one beside it."""
        return self._open() if place == MAIN else self.others[place]._open()

    async def _prepare_shards(self) -> None:
        """Have the map of the buckets, and on each shard what it may write."""
        lanes = self._open()
        async with lanes.write.begin() as connection, self.engine.tables_held(connection):
            await prepare_map(connection, self.shards)
        await self._switchboard.freshen()
        for name in self.shards:
            shard = self.others[name]
            open_ = {bucket: self._ledger[bucket].owner == name for bucket in range(len(self._ledger))}
            async with shard._open().write.begin() as connection, shard.engine.tables_held(connection):
                await prepare_shard(connection, name, open_)

    def _open(self) -> Lanes:
        if self._lanes is None:
            raise RuntimeError("The database is not open: use it inside the app's lifespan, or await start() first.")
        return self._lanes


@contextmanager
def _writing() -> Iterator[None]:
    """What reads meanwhile in this task reads from the database itself: it may have to see what was written."""
    before = _writes.get()
    _writes.set(True)
    try:
        yield
    finally:
        _writes.set(before)  # not reset(): a test's session ends in another context than it began


def check_names(databases: Mapping[str, str], shards: Mapping[str, str]) -> None:
    """Refuse names that would mean two things.

    Raises:
        ConfigurationError: VX430.
    """
    for name in (*databases, *shards):
        if not _NAME.fullmatch(name) or name == SHARDS or (name in databases and name in shards):
            raise ConfigurationError(
                "VX430",
                f"no database can be called {name!r}",
                hint="A name has lower-case letters, digits and _, is not 'shards', and means one database only.",
            )
    for name, url in shards.items():
        if url.startswith(("mysql", "mariadb")):
            raise ConfigurationError(
                "VX430",
                f"the shard {name!r} is on MariaDB or MySQL, where keys that differ are equal",
                hint="Shards are PostgreSQL or SQLite databases.",
            )


async def _close(session: Session) -> None:
    """Roll back what is not committed and give the connection back, even when the task is cancelled meanwhile."""
    if session.in_transaction():
        await asyncio.shield(asyncio.create_task(session.close()))
    else:
        await session.close()
