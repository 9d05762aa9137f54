"""MariaDB and MySQL by asyncmy, under SQLAlchemy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.asyncmy import AsyncAdapt_asyncmy_dbapi, MySQLDialect_asyncmy
from sqlalchemy.dialects.mysql.base import MySQLDDLCompiler, MySQLTypeCompiler
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.schema import Table

from velox.db.borrowed import asyncmy_has_gone
from velox.db.engine import Lane, Room
from velox.db.network import ServerDialect, ServerEngine, first_value, tls_context

__all__ = ["MySQL", "VeloxMySQL"]

_TABLES_LOCK = "CONCAT('velox tables ', DATABASE())"
_TABLES_LOCK_S = 60


class _Types(MySQLTypeCompiler):
    """Column types that keep what the other databases keep: microseconds, doubles, large values, digits."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: N802 - SQLAlchemy's name
        return self.visit_BIGINT(type_, **kw)  # the only type that a reference to an int field's key may have

    def visit_DATETIME(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return super().visit_DATETIME(type_, **kw) if getattr(type_, "fsp", None) is not None else "DATETIME(6)"

    def visit_TIME(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return super().visit_TIME(type_, **kw) if getattr(type_, "fsp", None) is not None else "TIME(6)"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return super().visit_FLOAT(type_, **kw) if type_.precision is not None else "DOUBLE"

    def visit_NUMERIC(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return super().visit_NUMERIC(type_, **kw) if type_.precision is not None else _numeric(type_)

    def visit_BLOB(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return super().visit_BLOB(type_, **kw) if type_.length is not None else "LONGBLOB"


class _Tables(MySQLDDLCompiler):
    """Text is compared letter by letter, as the other databases do, and not as equal to its capitals."""

    def visit_primary_key_constraint(self, constraint: Any, **kw: Any) -> str:
        text = super().visit_primary_key_constraint(constraint, **kw)
        return text[text.find("PRIMARY KEY") :]  # it has a name already, and warns about any other

    def define_constraint_deferrability(self, constraint: Any) -> str:
        return ""  # it checks every reference at once, and takes no word for it

    def post_create_table(self, table: Table) -> str:
        said = {key.rpartition("_")[2] for key in table.kwargs}
        if said & {"collate", "charset"}:
            return super().post_create_table(table)
        collation = "utf8mb4_nopad_bin" if self.dialect.is_mariadb else "utf8mb4_0900_bin"
        return f"{super().post_create_table(table)} CHARSET=utf8mb4 COLLATE={collation}"


class VeloxMySQL(ServerDialect, MySQLDialect_asyncmy):
    """The dialect of ``mysql+velox://``."""

    driver = "velox"
    supports_statement_cache = True
    type_compiler_cls = _Types
    ddl_compiler = _Tables

    def __init__(self, session: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self._session = session

    def on_connect(self) -> Any:
        connected = super().on_connect()

        def set_up(connection: Any) -> None:
            if connected is not None:
                connected(connection)
            for statement in self._session:
                connection.execute(statement).close()

        return None if self.kept is not None else set_up

    @classmethod
    def import_dbapi(cls) -> Any:
        import asyncmy

        return AsyncAdapt_asyncmy_dbapi(asyncmy)

    def is_dead(self, driver: Any) -> bool:
        return asyncmy_has_gone(driver)

    async def ask(self, driver: Any) -> None:
        await driver.ping(reconnect=False)


registry.register("mysql.velox", __name__, VeloxMySQL.__name__)


class MySQL(ServerEngine):
    """A MariaDB or MySQL server."""

    name = "MariaDB or MySQL"
    backup_tool = "mariadb-dump"
    drivername = "mysql+velox"

    def connect_args(self, lane: Lane) -> dict[str, Any]:
        args: dict[str, Any] = {
            "async_creator_fn": self._connect,
            "connect_timeout": max(1.0, self.limits.timeout_s),
            "charset": "utf8mb4",
        }
        if socket := self.url.query.get("unix_socket"):
            args["unix_socket"] = socket
        if context := tls_context(self.url.query):
            args["ssl"] = context
        return args

    async def _connect(self, *args: Any, **options: Any) -> Any:
        """Its own timeout is for the connection alone, and not for the greeting that has to follow."""
        import asyncmy

        async with asyncio.timeout(self.limits.timeout_s):
            return await asyncmy.connect(*args, **options)

    def dialect_options(self, lane: Lane) -> dict[str, Any]:
        """``/*M! */`` is read by MariaDB alone, ``/*!50708 */`` by MySQL alone: one thing has two names."""
        timeout_s, access = self.limits.statement_timeout_s, ", READ ONLY" if lane is Lane.READ else ""
        variables = [
            "sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
            "time_zone = '+00:00'",
            f"innodb_lock_wait_timeout = {max(1, round(self.limits.timeout_s))}",
            f"/*M! max_statement_time = {timeout_s} */ /*!50708 max_execution_time = {timeout_s * 1000:.0f} */",
        ]
        return {
            "session": (
                f"SET SESSION {', '.join(variables)}",
                f"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED{access}",
            )
        }

    def explained(self, error: BaseException) -> tuple[str, str]:
        user, database = self.url.username or "", self.url.database or ""
        match error.args[0] if error.args else None:
            case 1045 | 1698:
                return f"the password of {user!r} is wrong", "Check user and password in VELOX_DATABASE_URL."
            case 1044:
                return f"{user!r} may not use {database!r}", f"Allow it: GRANT ALL ON `{database}`.* TO {user!r}"
            case 1049:
                return f"there is no database {database!r}", f"Create it: CREATE DATABASE `{database}`"
            case 1040 | 1203 | 1226:
                return "it has no connection left", "Lower workers or database_pool_size; see: velox doctor"
            case 2003:
                return self._unreachable(error.__cause__ or error)
            case _:
                return self._unreachable(error)

    async def begin(self, adapted: Any) -> None:
        await adapted.driver_connection.query("START TRANSACTION")

    async def roll_back(self, adapted: Any) -> None:
        await adapted.driver_connection.query("ROLLBACK")

    @asynccontextmanager
    async def tables_held(self, connection: AsyncConnection) -> AsyncIterator[None]:
        # Each CREATE TABLE ends the transaction here, so the lock is the connection's.
        await first_value(connection, f"SELECT GET_LOCK({_TABLES_LOCK}, {_TABLES_LOCK_S})")
        try:
            yield
        finally:
            await first_value(connection, f"SELECT RELEASE_LOCK({_TABLES_LOCK})")

    async def room(self, connection: AsyncConnection) -> Room | None:
        return self.room_of(int(await first_value(connection, "SELECT @@max_connections")))


def _numeric(type_: Any) -> str:
    """As many digits as the server has, a part of them after the point."""
    return f"NUMERIC(65, {30 if type_.scale is None else type_.scale})"
