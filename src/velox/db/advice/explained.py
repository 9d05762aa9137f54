"""A statement of a project, explained: run if it only reads, and undone if it was to be run all the same."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from velox.db.advice.explaining import explain, explainable, reads
from velox.db.advice.plan import Plan
from velox.db.database import Database
from velox.errors import ConfigurationError

__all__ = ["plan_of"]


async def plan_of(database: Database, sql: str, parameters: Any = (), *, run_changes: bool = False) -> Plan:
    """The plan of ``sql``, with actual rows and times where it is run.

    Args:
        database: It is started.
        sql: One statement, as the driver gets it. If it only reads, it is run, on a connection that cannot write.
        parameters: Its values.
        run_changes: Run it also if it changes rows, in a transaction that is rolled back. Locks are held as long.
            Default ``False``: then what would be done is shown, and nothing is.

    Raises:
        ConfigurationError: VX440, it has no plan, or the database does not understand it.
    """
    sql = sql.strip().rstrip(";")
    if not explainable(sql):
        raise ConfigurationError(
            "VX440",
            f"there is no plan for: {_short(sql)}",
            hint="A SELECT, INSERT, UPDATE, DELETE or WITH has one; so has a route: velox db explain 'GET /items/'.",
        )
    try:
        if reads(sql):
            async with database.connection() as connection:
                return await explain(connection, sql, parameters, run=True)
        async with database.writing_connection() as connection, connection.begin() as transaction:
            try:
                return await explain(connection, sql, parameters, run=run_changes)
            finally:
                await transaction.rollback()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ConfigurationError(
            "VX440", f"{database.display_url} has no plan for it: {reason}", hint=f"It was asked: {_short(sql)}"
        ) from None


def _short(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= 200 else f"{text[:200]}..."
