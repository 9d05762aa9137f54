"""One SQL statement, as somebody typed it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from velox.db.database import Database

__all__ = ["refusal", "run_statement"]


async def run_statement(database: Database, statement: str) -> tuple[list[str], Sequence[Sequence[object]]]:
    """Run ``statement`` and commit; the names of the columns, and the rows."""
    async with database.writing_connection() as connection, connection.begin():
        result = await connection.exec_driver_sql(statement.strip().rstrip(";"))
        if not result.returns_rows:
            return [], []
        return list(result.keys()), [tuple(row) for row in result]


def refusal(error: Exception) -> str | None:
    """What the server said; ``None`` if ``error`` is none of its."""
    if not isinstance(error, SQLAlchemyError):
        return None
    return str(getattr(error, "orig", None) or error).strip()
