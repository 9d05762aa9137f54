"""Two deployments at the same time: the second waits for the first, and then finds nothing to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.errors import ConfigurationError

__all__ = ["is_busy", "locked"]

_KEY = 0x76656C6F78
"""PostgreSQL's advisory locks are numbers in a space that all share; this one spells "velox"."""
_NAME = "velox_migrate"


@asynccontextmanager
async def locked(connection: AsyncConnection, timeout_s: float) -> AsyncIterator[None]:
    """Be the only one that migrates this database, until the end of the block; the lock ends with the connection.

    On SQLite every step's transaction holds the write lock, which is as good.

    Raises:
        ConfigurationError: VX411, somebody else has it for longer than ``timeout_s``.
    """
    server = connection.dialect.name
    if server == "sqlite":
        yield
        return
    # Requests have a limit for each statement; an index may take longer.
    unlimited = "SET statement_timeout = 0" if server == "postgresql" else "SET SESSION max_statement_time = 0"
    await connection.execute(text(unlimited))
    take, give = _postgresql if server == "postgresql" else _mariadb
    if not await take(connection, timeout_s):
        raise ConfigurationError(
            "VX411",
            f"another process has been migrating this database for more than {timeout_s:g} s",
            hint="Wait until it is done, and run velox migrate again.",
        )
    try:
        yield
    finally:
        await give(connection)


async def _take_postgresql(connection: AsyncConnection, timeout_s: float) -> bool:
    await connection.execute(text(f"SET lock_timeout = {int(timeout_s * 1000)}"))
    try:
        await connection.execute(text(f"SELECT pg_advisory_lock({_KEY})"))
    except DBAPIError as error:
        await connection.rollback()
        if "lock timeout" not in str(error):
            raise
        return False
    await connection.commit()
    return True


async def _give_postgresql(connection: AsyncConnection) -> None:
    await connection.execute(text(f"SELECT pg_advisory_unlock({_KEY})"))
    await connection.execute(text("RESET lock_timeout"))
    await connection.commit()


async def _take_mariadb(connection: AsyncConnection, timeout_s: float) -> bool:
    # The name is shared by all databases of the server, unlike PostgreSQL's.
    got = await connection.scalar(text(f"SELECT GET_LOCK(CONCAT('{_NAME}.', DATABASE()), {timeout_s:g})"))
    await connection.commit()
    return bool(got)


async def _give_mariadb(connection: AsyncConnection) -> None:
    await connection.execute(text(f"SELECT RELEASE_LOCK(CONCAT('{_NAME}.', DATABASE()))"))
    await connection.commit()


_postgresql = (_take_postgresql, _give_postgresql)
_mariadb = (_take_mariadb, _give_mariadb)


def is_busy(error: DBAPIError) -> bool:
    """Whether SQLite's file is locked by another process."""
    return "database is locked" in str(error.orig)
