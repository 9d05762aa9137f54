"""Whether a database is what the models say, whatever its history."""

from __future__ import annotations

from sqlalchemy import Connection, MetaData

from velox.db.database import Database
from velox.db.migrations.comparing import differences, flat
from velox.db.migrations.describing import describe

__all__ = ["drift_of"]


async def drift_of(database: Database, metadata: MetaData) -> list[str]:
    """What would have to change in the database, one line each; empty when it is as ``metadata`` says."""

    def look(connection: Connection) -> list[str]:
        found = flat(differences(connection, metadata))
        return [f"{change.sign} {change.text}" for change in describe(list(found))]

    async with database.connection() as connection:
        lines = await connection.run_sync(look)
        await connection.rollback()
    return lines
