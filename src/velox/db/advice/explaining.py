"""Asking a database for its plan."""

from __future__ import annotations

import json
import re
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.db.advice.answers import from_mariadb, from_postgresql, from_sqlite
from velox.db.advice.plan import Plan

__all__ = ["as_json", "explain", "explainable", "plan_now", "reads"]

_STATEMENT = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|VALUES|MERGE)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE|MERGE)\b", re.IGNORECASE)
# 'text', "name", `name`, -- a comment, /* a comment */
_NO_KEYWORDS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_LOCKS = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|SHARE|KEY\s+SHARE)\b", re.IGNORECASE)


def explainable(sql: str) -> bool:
    """Whether a database has a plan for ``sql``; it has none for what changes a table's shape, or a setting."""
    return _STATEMENT.match(sql) is not None


def reads(sql: str) -> bool:
    """Whether ``sql`` only reads. In doubt, it does not."""
    bare = _LOCKS.sub("", _NO_KEYWORDS.sub("''", sql))
    return explainable(bare) and _WRITES.search(bare) is None and " INTO " not in bare.upper()


async def explain(connection: AsyncConnection, sql: str, parameters: Any = (), *, run: bool = False) -> Plan:
    """The plan of ``sql``.

    Args:
        connection: Where.
        sql: As the driver gets it.
        parameters: Its values.
        run: Run it, to know how long it takes and how many rows there are; what it writes is then the transaction's.

    Raises:
        sqlalchemy.exc.DBAPIError: The database does not understand it.
    """
    return await connection.run_sync(plan_now, sql, parameters, run=run)


def plan_now(connection: Connection, sql: str, parameters: Any = (), *, run: bool = False) -> Plan:
    """:func:`explain` for code that SQLAlchemy runs in a greenlet."""
    dialect = connection.dialect
    if dialect.name == "sqlite":
        rows = _ask(connection, f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
        if not run:
            return from_sqlite(rows)
        began_s = perf_counter()
        answer = _ask(connection, sql, parameters)
        found = len(answer.fetchall()) if answer.returns_rows else answer.rowcount
        return from_sqlite(rows, (perf_counter() - began_s) * 1000, found)
    if dialect.name == "postgresql":
        options = "ANALYZE, FORMAT JSON" if run else "FORMAT JSON"
        (answer,) = as_json(_ask(connection, f"EXPLAIN ({options}) {sql}", parameters).scalar())
        return from_postgresql(answer)
    how = "ANALYZE FORMAT=JSON" if run and _is_mariadb(dialect) else "EXPLAIN FORMAT=JSON"
    return from_mariadb(as_json(_ask(connection, f"{how} {sql}", parameters).scalar()))


def _ask(connection: Connection, sql: str, parameters: Any) -> Any:
    if not parameters and connection.dialect.paramstyle == "format":
        sql = sql.replace("%", "%%")  # the driver would look for values
    return connection.exec_driver_sql(sql, parameters or ())


def as_json(answer: Any) -> Any:
    """What a driver gives for a column of JSON, as plain values."""
    return json.loads(answer) if isinstance(answer, str | bytes) else answer


def _is_mariadb(dialect: Dialect) -> bool:
    return bool(getattr(dialect, "is_mariadb", False))
