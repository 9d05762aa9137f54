"""Takes everything out of a database."""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, inspect, text

from velox.db.database import Database

__all__ = ["drop_everything"]


async def drop_everything(database: Database) -> list[str]:
    """Drop every table, and on PostgreSQL every Enum; the names of the tables."""
    async with database.writing_connection() as connection, connection.begin():
        return await connection.run_sync(_drop)


def _drop(connection: Connection) -> list[str]:
    metadata = MetaData()
    metadata.reflect(connection)
    names = [table.name for table in metadata.sorted_tables]
    metadata.drop_all(connection)
    if connection.dialect.name == "postgresql":
        quote = connection.dialect.identifier_preparer.quote
        for enum in inspect(connection).get_enums():  # type: ignore[attr-defined] # PostgreSQL's inspector has it
            connection.execute(text(f"DROP TYPE IF EXISTS {quote(enum['name'])}"))
    return names
