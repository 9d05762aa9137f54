"""What a database remembers of its migrations: the newest ones, in Alembic's own table.

The table is Alembic's, so that a project can come from plain Alembic, and leave again, without a step in between.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
)

__all__ = ["VERSION_TABLE", "read_heads", "write_heads"]

VERSION_TABLE = "alembic_version"

# Alembic's own column has 32 characters, which a readable id such as 0002_add_hits_to_link soon exceeds.
_versions = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(128), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def read_heads(connection: Connection) -> tuple[str, ...]:
    """The newest migrations that the database has seen; none for a new one."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ()
    return tuple(connection.scalars(select(_versions.c.version_num).order_by(_versions.c.version_num)))


def write_heads(connection: Connection, heads: Iterable[str]) -> None:
    """Replace what the database remembers."""
    _versions.create(connection, checkfirst=True)
    connection.execute(delete(_versions))
    if rows := [{"version_num": head} for head in heads]:
        connection.execute(insert(_versions), rows)
