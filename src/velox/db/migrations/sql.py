"""The SQL of a migration, for those who want to read it, or whose database is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, event

from velox.db.database import Database
from velox.db.migrations.cloning import empty_clone
from velox.db.migrations.history import History, Step
from velox.db.migrations.memory import Memory
from velox.db.migrations.moving import walk
from velox.db.migrations.running import run_step

__all__ = ["statements_of"]

_CHANGES = ("ALTER", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE", "COMMENT")


async def statements_of(database: Database, history: History, step: Step) -> tuple[list[str], str | None]:
    """What ``step`` says to the server, and a remark when it was another kind of server.

    It is run on an empty clone and overheard: what is printed is what would happen there.
    """
    async with empty_clone(database) as clone, clone.database.writing_connection() as connection:
        return await connection.run_sync(_overheard, history, step), clone.remark


def _overheard(connection: Connection, history: History, step: Step) -> list[str]:
    begins = step.revision.parents if step.direction == "up" else (step.revision.id,)
    walk(connection, history, begins, Memory())
    with _listening(connection) as statements, connection.begin():
        run_step(connection, step)
    return statements


@contextmanager
def _listening(connection: Connection) -> Iterator[list[str]]:
    statements: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().upper().startswith(_CHANGES):
            text = "\n".join(line.rstrip() for line in statement.strip().splitlines() if line.strip())
            statements.append(f"{text};" + (f"  -- {parameters}" if parameters else ""))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", hear)
