"""What a server asks a database at its start; cheap, and without Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, inspect

from velox.db.database import Database
from velox.db.migrations.applied import VERSION_TABLE, read_heads
from velox.db.migrations.history import History
from velox.db.model import Model

__all__ = ["State", "state_of"]


@dataclass(frozen=True, slots=True)
class State:
    """Where a database is.

    Args:
        heads: The newest migrations that it has seen.
        new: There is no table in it.
        missing: The models' tables and columns that it has not: ``table book``, ``column link.hits``.
    """

    heads: tuple[str, ...]
    new: bool
    missing: tuple[str, ...]

    def pending(self, history: History) -> tuple[str, ...]:
        """The migrations that it has not seen. None, if it has seen one that ``history`` does not have: it is ahead,
        because a newer version of the app is being rolled out.
        """
        if any(head not in history for head in self.heads):
            return ()
        return tuple(revision.id for revision in history.pending(self.heads))


async def state_of(database: Database, metadata: MetaData = Model.metadata) -> State:
    """Where ``database`` is, next to the models in ``metadata``."""
    async with database.connection() as connection:
        state = await connection.run_sync(_look, metadata)
        await connection.rollback()
    return state


def _look(connection: Connection, metadata: MetaData) -> State:
    tables = set(inspect(connection).get_table_names())
    return State(
        read_heads(connection), all(map(_is_bookkeeping, tables)), tuple(_missing(connection, metadata, tables))
    )


def _is_bookkeeping(table: str) -> bool:
    """Whether a table only says where the database is; what a shard keeps of itself is there from its first start."""
    return table == VERSION_TABLE or table.startswith("velox_shard_")


def _missing(connection: Connection, metadata: MetaData, tables: set[str]) -> Iterator[str]:
    for table in metadata.sorted_tables:
        if table.name not in tables:
            yield f"table {table.name}"
            continue
        present = {column["name"] for column in inspect(connection).get_columns(table.name)}
        yield from (f"column {table.name}.{column.name}" for column in table.columns if column.name not in present)
