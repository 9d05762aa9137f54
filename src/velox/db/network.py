"""What the engines with a server have in common: connections that may have died, and tests in one transaction."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_
from sqlalchemy.util.concurrency import greenlet_spawn

from velox.db.engine import Lane, Lanes, Limits, Notifier, Room
from velox.db.pool import FairPool
from velox.db.types import json_text
from velox.errors import ConfigurationError

__all__ = ["Kept", "ServerDialect", "ServerEngine", "tls_context"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_PING_AFTER_S = 30.0
"""A connection that was idle for longer is asked whether it lives: a firewall forgets it without telling anybody."""


class Kept:
    """The one connection under both lanes while a test runs, in a transaction that is rolled back at the end.

    What it is asked is done in turn. A task that is cancelled meanwhile is cancelled after that: half of an answer
    would be left in the connection.

    Args:
        connection: SQLAlchemy's adapted DBAPI connection.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.began = False
        """Whether a session is inside its savepoint. There is one at a time."""
        self._turn = asyncio.Lock()

    def run(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call ``function`` in turn; for code that SQLAlchemy runs in a greenlet."""
        return await_(self._to_its_end(function, *args))

    def execute(self, *statements: str) -> None:
        """Run statements that answer nothing; whoever calls has the turn."""
        for statement in statements:
            cursor = self.connection.cursor()
            cursor.execute(statement)
            cursor.close()

    async def _to_its_end(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        task = asyncio.create_task(self._in_turn(function, *args))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _in_turn(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        async with self._turn:
            return await greenlet_spawn(function, *args)


class ServerDialect:
    """Mixed into SQLAlchemy's dialect of a driver: its lane, and what is different above a kept connection."""

    lane: Lane
    kept: Kept | None
    read_only_inside: tuple[str, ...] = ()
    """What makes the rest of a savepoint refuse to write, where the server can."""

    def __init__(self, lane: Lane = Lane.WRITE, kept: Kept | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.lane = lane
        self.kept = kept
        if kept is not None:
            self.supports_server_side_cursors = False

    def is_dead(self, driver: Any) -> bool:
        """Whether the driver's connection has seen the other end close it."""
        raise NotImplementedError

    async def ask(self, driver: Any) -> None:
        """Raise when the other end does not answer."""
        raise NotImplementedError

    def connect(self, *args: Any, **options: Any) -> Any:
        if self.kept is not None:
            return self.kept.connection
        try:
            return super().connect(*args, **options)  # type: ignore[misc]
        except (OSError, TimeoutError) as error:
            # SQLAlchemy wraps what a DBAPI raises, and this is no less: it becomes a 503.
            raise self.dbapi.OperationalError(str(error) or "no answer") from error  # type: ignore[attr-defined]

    def on_connect(self) -> Any:
        return None if self.kept is not None else super().on_connect()  # type: ignore[misc]

    def do_begin(self, connection: Any) -> None:
        if self.kept is None:
            super().do_begin(connection)  # type: ignore[misc]
        elif self.lane is Lane.WRITE:
            self.kept.run(self.kept.execute, "SAVEPOINT velox")
            self.kept.began = True

    def do_commit(self, connection: Any) -> None:
        if self.kept is None:
            super().do_commit(connection)  # type: ignore[misc]
        elif self.lane is Lane.WRITE and self.kept.began:
            self.kept.began = False
            self.kept.run(self.kept.execute, "RELEASE SAVEPOINT velox")

    def do_rollback(self, connection: Any) -> None:
        if self.kept is None:
            super().do_rollback(connection)  # type: ignore[misc]
        elif self.lane is Lane.WRITE and self.kept.began:
            self.kept.began = False
            self.kept.run(self.kept.execute, "ROLLBACK TO SAVEPOINT velox", "RELEASE SAVEPOINT velox")

    def do_close(self, connection: Any) -> None:
        if self.kept is None:
            super().do_close(connection)  # type: ignore[misc]

    def do_terminate(self, connection: Any) -> None:
        if self.kept is None:
            super().do_terminate(connection)  # type: ignore[misc]
        else:
            self.do_rollback(connection)

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        execute = super().do_execute  # type: ignore[misc]
        if self.kept is None:
            execute(cursor, statement, parameters, context)
        elif self.lane is Lane.WRITE:
            self.kept.run(execute, cursor, statement, parameters, context)
        else:
            self.kept.run(self._look, self.kept, execute, cursor, statement, parameters, context)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        execute = super().do_executemany  # type: ignore[misc]
        if self.kept is None:
            execute(cursor, statement, parameters, context)
        else:
            self.kept.run(execute, cursor, statement, parameters, context)

    def _look(self, kept: Kept, execute: Callable[..., None], *args: Any) -> None:
        """A reader's statement: whatever it does is undone, and its failure is nobody else's."""
        kept.execute("SAVEPOINT velox_look", *self.read_only_inside)
        try:
            execute(*args)
        finally:
            kept.execute("ROLLBACK TO SAVEPOINT velox_look", "RELEASE SAVEPOINT velox_look")


class ServerEngine:
    """What PostgreSQL and MariaDB have in common; each adds its dialect, its options and its words for errors."""

    drivername: str
    name: str
    probe = "SELECT 1"
    backup_tool: str
    """The command that copies a database."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self.url = url
        self.limits = limits

    def connect_args(self, lane: Lane) -> dict[str, Any]:
        """What the driver is told when it connects."""
        raise NotImplementedError

    @property
    def notifier(self) -> Notifier | None:
        return None

    def dialect_options(self, lane: Lane) -> dict[str, Any]:
        """What the dialect is told besides its lane."""
        return {}

    def explained(self, error: BaseException) -> tuple[str, str]:
        """Why it cannot be reached, and what to do about it."""
        raise NotImplementedError

    async def open(self) -> Lanes:
        lanes = self._lanes()
        try:
            async with lanes.read.connect() as connection:
                await connection.exec_driver_sql(self.probe)
        except (DBAPIError, OSError, TimeoutError, ValueError) as error:
            await lanes.close()
            self._refuse(error)
        return lanes

    async def backup(self, lanes: Lanes, target: Path) -> None:
        raise ConfigurationError(
            "VX415", f"{self.name} is not copied to a file by Velox", hint=f"Use its own tool: {self.backup_tool}"
        )

    async def faults(self, lanes: Lanes) -> list[str]:
        return []

    @asynccontextmanager
    async def isolated(self, lanes: Lanes) -> AsyncIterator[Lanes]:
        async with lanes.write.connect() as connection:
            raw = await connection.get_raw_connection()
            adapted: Any = raw.dbapi_connection
            await self.begin(adapted)
            inside = self._lanes(Kept(adapted))
            try:
                yield inside
            finally:
                await inside.close()
                await self.roll_back(adapted)
                # It is not to be used again: a setting may have been changed in it.
                await connection.invalidate()

    async def begin(self, adapted: Any) -> None:
        """Begin the transaction around a test, on SQLAlchemy's adapted connection."""
        raise NotImplementedError

    async def roll_back(self, adapted: Any) -> None:
        """End it."""
        raise NotImplementedError

    def _lanes(self, kept: Kept | None = None) -> Lanes:
        return Lanes(self._engine(Lane.WRITE, kept), self._engine(Lane.READ, kept))

    def _engine(self, lane: Lane, kept: Kept | None) -> AsyncEngine:
        options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
        engine = create_async_engine(
            self.url.set(drivername=self.drivername, query={}),
            lane=lane,
            kept=kept,
            connect_args=self.connect_args(lane),
            **self.dialect_options(lane),
            poolclass=FairPool,
            # Sessions take turns on a kept connection.
            pool_size=1 if kept is not None and lane is Lane.WRITE else self.limits.pool_size,
            max_overflow=0,
            pool_timeout=self.limits.timeout_s,
            json_serializer=json_text,
            **(options if lane is Lane.READ and kept is None else {}),
        )
        if kept is None:
            _refuse_the_dead(engine, self.limits.timeout_s)
        return engine

    def room_of(self, server: int) -> Room:
        return Room(worker=2 * self.limits.pool_size, server=server)

    def _refuse(self, error: BaseException) -> NoReturn:
        shown = self.url.render_as_string(hide_password=True)
        original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        why, hint = self.explained(original.__cause__ or original)
        raise ConfigurationError("VX402", f"{shown} cannot be reached: {why}", hint=hint) from error

    def _unreachable(self, error: BaseException) -> tuple[str, str]:
        place = self.url.query.get("host") or self.url.host or "localhost"
        if self.url.port:
            place = f"{place}:{self.url.port}"
        if isinstance(error, TimeoutError):
            return f"{place} does not answer within {self.limits.timeout_s:g} s", "Check host, port and firewall."
        if isinstance(error, ConnectionRefusedError):
            return f"nothing listens on {place}", f"Start {self.name}, or correct host and port in VELOX_DATABASE_URL."
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {error}", "Check sslmode and sslrootcert in VELOX_DATABASE_URL."
        return _line(str(error)), "Check VELOX_DATABASE_URL."


def tls_context(query: Mapping[str, Any]) -> ssl.SSLContext | None:
    """The TLS that ``sslmode`` (libpq's words: require, verify-ca, verify-full) and ``sslrootcert`` ask for.

    ``None`` when ``query`` has no ``sslmode``, or one that does not insist on TLS.
    """
    mode = query.get("sslmode")
    if mode not in {"require", "verify-ca", "verify-full"}:
        return None
    try:
        context = ssl.create_default_context(cafile=query.get("sslrootcert"))
    except OSError as error:
        raise ConfigurationError(
            "VX402",
            f"TLS cannot be set up: {query.get('sslrootcert')}: {error.strerror or error}",
            hint="sslrootcert is a PEM file with the certificate of the authority that has signed the server's.",
        ) from None
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def _refuse_the_dead(engine: AsyncEngine, timeout_s: float) -> None:
    """Have the pool open another connection instead of one that has died in it, as all do when the server restarts."""
    dialect: Any = engine.sync_engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def remember(_connection: Any, record: Any) -> None:
        record.info["returned_s"] = monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: Any, _proxy: Any) -> None:
        driver = connection.driver_connection
        idle_s = monotonic() - record.info.get("returned_s", monotonic())
        dead = dialect.is_dead(driver) or (idle_s > _PING_AFTER_S and not _answers(dialect, driver, timeout_s))
        if dead:
            raise DisconnectionError


def _answers(dialect: Any, driver: Any, timeout_s: float) -> bool:
    try:
        await_(asyncio.wait_for(dialect.ask(driver), timeout_s))
    except Exception:  # noqa: BLE001 - whatever it says, this connection is of no use
        return False
    return True


def _line(text: str) -> str:
    return " ".join(text.split()) or "no reason was given"


async def first_value(connection: AsyncConnection, statement: str) -> Any:
    """The first column of the first row."""
    return (await connection.exec_driver_sql(statement)).scalar()
