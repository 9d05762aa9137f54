"""PostgreSQL by asyncpg, under SQLAlchemy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import (
    AsyncAdapt_asyncpg_dbapi,
    AsyncpgFloat,
    PGDialect_asyncpg,
    PGExecutionContext_asyncpg,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import sqltypes
from sqlalchemy.util import memoized_property

from velox.db.borrowed import asyncpg_refusal
from velox.db.engine import Lane, Notifier, Room
from velox.db.network import ServerDialect, ServerEngine, first_value, tls_context

__all__ = ["PostgreSQL", "VeloxPostgreSQL"]

_TABLES_LOCK = 0x76656C6F78
"""The advisory lock that is held while tables are made: "velox" as a number."""


class _Float(AsyncpgFloat):
    """Without a negative zero, which SQLite has not either."""

    def bind_processor(self, dialect: Any) -> Any:
        return lambda value: None if value is None else value + 0.0


class _Module(AsyncAdapt_asyncpg_dbapi):
    """SQLAlchemy's translation of asyncpg's errors, and one that it leaves out: a value that no column can hold."""

    @memoized_property
    def _asyncpg_error_translate(self) -> dict[Any, Any]:
        translate = dict(super()._asyncpg_error_translate)
        translate[self.asyncpg.exceptions.DataError] = self.DataError
        translate[asyncpg_refusal()] = self.DataError
        return translate


class _Execution(PGExecutionContext_asyncpg):
    def create_server_side_cursor(self) -> Any:
        # A cursor needs a transaction, which a reader has not: this one ends when the connection goes back.
        connection: Any = self._dbapi_connection
        connection.dbapi_connection.isolation_level = None
        return connection.cursor(server_side=True)


class VeloxPostgreSQL(ServerDialect, PGDialect_asyncpg):
    """The dialect of ``postgresql+velox://``."""

    driver = "velox"
    supports_statement_cache = True
    execution_ctx_cls = _Execution
    read_only_inside = ("SET LOCAL transaction_read_only = on",)
    # JSON comes from the driver as text, as from every other database.
    supports_native_json_deserialization = False
    colspecs = {**PGDialect_asyncpg.colspecs, sqltypes.Float: _Float}

    @classmethod
    def import_dbapi(cls) -> Any:
        import asyncpg

        return _Module(asyncpg)  # type: ignore[no-untyped-call]

    async def setup_asyncpg_json_codec(self, conn: Any) -> None:
        await conn.driver_connection.set_type_codec(
            "json", encoder=str.encode, decoder=bytes.decode, schema="pg_catalog", format="binary"
        )

    async def setup_asyncpg_jsonb_codec(self, conn: Any) -> None:
        await conn.driver_connection.set_type_codec(
            "jsonb", encoder=_as_jsonb, decoder=_from_jsonb, schema="pg_catalog", format="binary"
        )

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        if context is not None:
            super().do_execute(cursor, statement, parameters, context)
            return
        # A Reader's statement has no execution context, which is what tells a cursor when the tables last changed.
        cursor._invalidate_schema_cache_asof = self._invalidate_schema_cache_asof
        try:
            super().do_execute(cursor, statement, parameters)
        except self.dbapi.InvalidCachedStatementError:  # type: ignore[union-attr]
            # A migration came between; a read can be run again.
            self._invalidate_schema_cache()  # type: ignore[no-untyped-call]
            cursor._invalidate_schema_cache_asof = self._invalidate_schema_cache_asof
            super().do_execute(cursor, statement, parameters)

    def do_rollback(self, connection: Any) -> None:
        super().do_rollback(connection)
        if self.lane is Lane.READ and self.kept is None:
            connection.dbapi_connection.isolation_level = "autocommit"

    def is_dead(self, driver: Any) -> bool:
        return bool(driver.is_closed())

    async def ask(self, driver: Any) -> None:
        await driver.execute("")


registry.register("postgresql.velox", __name__, VeloxPostgreSQL.__name__)


class PostgreSQL(ServerEngine):
    """A PostgreSQL server."""

    name = "PostgreSQL"
    backup_tool = "pg_dump"
    drivername = "postgresql+velox"

    def connect_args(self, lane: Lane) -> dict[str, Any]:
        settings = {
            "application_name": "velox",
            "statement_timeout": f"{self.limits.statement_timeout_s * 1000:.0f}",
            "lock_timeout": f"{self.limits.timeout_s * 1000:.0f}",
        }
        if lane is Lane.READ:
            settings["default_transaction_read_only"] = "on"
        args: dict[str, Any] = {"timeout": self.limits.timeout_s, "server_settings": settings}
        if host := self.url.query.get("host"):
            args["host"] = host
        mode = self.url.query.get("sslmode")
        if context := tls_context(self.url.query):
            args["ssl"] = context
        elif mode is not None:
            args["ssl"] = mode
        return args

    def explained(self, error: BaseException) -> tuple[str, str]:
        user, database = self.url.username or "", self.url.database or ""
        match getattr(error, "sqlstate", None):
            case "28P01":
                return f"the password of {user!r} is wrong", "Check user and password in VELOX_DATABASE_URL."
            case "28000":
                return str(error), "Check the user in VELOX_DATABASE_URL, and pg_hba.conf on the server."
            case "3D000":
                return f"there is no database {database!r}", f'Create it: CREATE DATABASE "{database}"'
            case "53300":
                return "it has no connection left", "Lower workers or database_pool_size; see: velox doctor"
            case _:
                return self._unreachable(error)

    @property
    def notifier(self) -> Notifier:
        return self

    async def notify(self, connection: AsyncConnection, channel: str) -> None:
        await connection.exec_driver_sql(f'NOTIFY "{channel}"')

    @asynccontextmanager
    async def listening(self, channel: str, heard: Callable[[], object]) -> AsyncIterator[asyncio.Event]:
        ended, engine = asyncio.Event(), self._engine(Lane.READ, None)
        try:
            async with engine.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection

                def hear(*_: object) -> None:
                    heard()

                def end(_: object) -> None:
                    ended.set()

                driver.add_termination_listener(end)
                await driver.add_listener(channel, hear)
                try:
                    yield ended
                finally:
                    driver.remove_termination_listener(end)
                    if not driver.is_closed():
                        await driver.remove_listener(channel, hear)
        finally:
            await engine.dispose()

    async def begin(self, adapted: Any) -> None:
        adapted.isolation_level = "autocommit"  # else it would begin a transaction of its own
        # Somebody may stop in the debugger.
        await adapted.driver_connection.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")

    async def roll_back(self, adapted: Any) -> None:
        await adapted.driver_connection.execute("ROLLBACK")

    @asynccontextmanager
    async def tables_held(self, connection: AsyncConnection) -> AsyncIterator[None]:
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})")
        yield

    async def room(self, connection: AsyncConnection) -> Room | None:
        most = int(await first_value(connection, "SHOW max_connections"))
        reserved = int(await first_value(connection, "SHOW superuser_reserved_connections"))
        return self.room_of(most - reserved)


def _as_jsonb(text: str) -> bytes:
    return b"\x01" + text.encode()  # the version of jsonb's wire format


def _from_jsonb(data: bytes) -> str:
    return data[1:].decode()
