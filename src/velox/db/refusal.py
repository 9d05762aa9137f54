"""Why a database refused a statement, read from what its driver tells.

SQLite        the message               https://www.sqlite.org/rescode.html#constraint
PostgreSQL    SQLSTATE, and fields      https://www.postgresql.org/docs/current/errcodes-appendix.html
MariaDB       a number, and the message https://mariadb.com/docs/server/reference/error-codes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Constraint, ForeignKeyConstraint, Index, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from velox.db.model import Model

__all__ = ["Reason", "Refusal", "refusal"]


class Reason(Enum):
    """What a database says no for."""

    TAKEN = auto()
    """A value that is to be unique is there already."""
    MISSING = auto()
    """A column must not be null."""
    UNKNOWN = auto()
    """It refers to a row that is not there."""
    IN_USE = auto()
    """Other rows refer to it."""
    CHECK = auto()
    """It breaks a rule of the table."""
    TOO_MUCH = auto()
    """A value does not fit into its column."""
    OTHER = auto()
    """Some other rule for what is stored."""
    STALE = auto()
    """Somebody else has written the row since it was read."""
    BUSY = auto()
    """A connection or a lock was waited for, in vain; or two transactions wait for each other, and this one loses."""
    AWAY = auto()
    """It cannot be reached, or has just gone."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why, and for which columns of which table, as far as the database tells."""

    reason: Reason
    table: str = ""
    columns: tuple[str, ...] = ()


_SQLITE = re.compile(r"(?P<kind>[A-Z ]+) constraint failed(?:: (?P<columns>.+))?")
_SQLITE_KINDS = {
    "UNIQUE": Reason.TAKEN,
    "PRIMARY KEY": Reason.TAKEN,
    "NOT NULL": Reason.MISSING,
    "FOREIGN KEY": Reason.UNKNOWN,
    "CHECK": Reason.CHECK,
}

_SQLSTATES = {
    "23505": Reason.TAKEN,
    "23502": Reason.MISSING,
    "23503": Reason.UNKNOWN,
    "23514": Reason.CHECK,
    "22001": Reason.TOO_MUCH,
    "22003": Reason.TOO_MUCH,
    "22008": Reason.TOO_MUCH,
    "22021": Reason.TOO_MUCH,  # text with a zero byte
    "22P05": Reason.TOO_MUCH,  # the same inside of JSON
    "40001": Reason.BUSY,
    "40P01": Reason.BUSY,
    "55P03": Reason.BUSY,
    "57014": Reason.BUSY,
    "53300": Reason.BUSY,
    "57P01": Reason.AWAY,
    "57P02": Reason.AWAY,
    "57P03": Reason.AWAY,
}
"""An integrity error that is not here is OTHER; any other error is a mistake of ours."""

_NUMBERS = {
    1062: Reason.TAKEN,
    1586: Reason.TAKEN,
    1048: Reason.MISSING,
    1364: Reason.MISSING,
    1216: Reason.UNKNOWN,
    1452: Reason.UNKNOWN,
    1217: Reason.IN_USE,
    1451: Reason.IN_USE,
    3819: Reason.CHECK,
    4025: Reason.CHECK,
    1264: Reason.TOO_MUCH,
    1366: Reason.TOO_MUCH,
    1406: Reason.TOO_MUCH,
    1690: Reason.TOO_MUCH,
    1040: Reason.BUSY,
    1203: Reason.BUSY,
    1205: Reason.BUSY,
    1213: Reason.BUSY,
    1226: Reason.BUSY,
    1969: Reason.BUSY,  # max_statement_time of MariaDB
    3024: Reason.BUSY,  # max_execution_time of MySQL
    1053: Reason.AWAY,
    1152: Reason.AWAY,
    1927: Reason.AWAY,
    2002: Reason.AWAY,
    2003: Reason.AWAY,
    2006: Reason.AWAY,
    2013: Reason.AWAY,
    2055: Reason.AWAY,
}

_KEY = re.compile(r"for key '(?:[^'.]+\.)?(?P<name>[^']+)'$")
_COLUMN = re.compile(r"(?:Column|Field|column) '(?P<name>[^']+)'")
_CONSTRAINT = re.compile(r"CONSTRAINT `(?P<name>[^`]+)`")
_WRITTEN = re.compile(
    r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+[`\"]?(?P<table>[\w$]+)", re.IGNORECASE
)


def refusal(error: Exception) -> Refusal | None:
    """Why the database said no; ``None`` when the statement itself is wrong, which is nobody's fault but ours."""
    if isinstance(error, PoolTimeout):
        return Refusal(Reason.BUSY)
    if isinstance(error, StaleDataError):
        return Refusal(Reason.STALE)
    if not isinstance(error, DBAPIError) or error.orig is None:
        return None
    original = error.orig.__cause__ or error.orig
    if isinstance(original.__cause__, OverflowError):
        return Refusal(Reason.TOO_MUCH)  # asyncpg does not even send it
    if isinstance(original, (OSError, TimeoutError)):
        return Refusal(Reason.AWAY)
    if error.orig.args and isinstance(error.orig.args[0], int):
        found = _of_mysql(error.orig.args[0], str(error.orig.args[-1]), error.statement or "")
    elif state := getattr(original, "sqlstate", None):
        found = _of_postgresql(original, str(state))
    else:
        found = _of_sqlite(str(error.orig), error.statement or "")
    return Refusal(Reason.AWAY) if found is None and error.connection_invalidated else found


def _of_sqlite(message: str, statement: str) -> Refusal | None:
    if "database is locked" in message:
        return Refusal(Reason.BUSY)
    if not (found := _SQLITE.match(message)):
        return None
    reason = _SQLITE_KINDS.get(found["kind"], Reason.OTHER)
    if reason is Reason.UNKNOWN:
        return Refusal(Reason.IN_USE if statement.startswith("DELETE") else reason)
    if reason is Reason.CHECK:
        return Refusal(reason)
    # "link.slug, link.owner_id"; a unique index on an expression is told by its own name, which is nobody's business.
    parts = [name.partition(".") for name in (found["columns"] or "").split(", ")]
    columns = tuple(column for _, _, column in parts if column)
    return Refusal(reason, parts[0][0], columns)


def _of_postgresql(original: Any, state: str) -> Refusal | None:
    table, constraint = getattr(original, "table_name", None) or "", getattr(original, "constraint_name", None) or ""
    reason = _SQLSTATES.get(state)
    match reason:
        case None:
            return Refusal(Reason.OTHER) if state.startswith("23") else _by_class(state)
        case Reason.MISSING:
            return Refusal(reason, table, (getattr(original, "column_name", None) or "",))
        case Reason.UNKNOWN if "still referenced" in (getattr(original, "detail", None) or ""):
            return Refusal(Reason.IN_USE)
        case Reason.TAKEN | Reason.UNKNOWN:
            return Refusal(reason, table, _columns(table, constraint))
        case _:
            return Refusal(reason)


def _by_class(state: str) -> Refusal | None:
    return Refusal(Reason.AWAY) if state.startswith("08") else None


def _of_mysql(number: int, message: str, statement: str) -> Refusal | None:
    reason = _NUMBERS.get(number)
    written = _WRITTEN.match(statement)
    table = written["table"] if written else ""
    match reason:
        case None:
            return None
        case Reason.MISSING | Reason.TOO_MUCH:
            found = _COLUMN.search(message)
            return Refusal(reason, table, (found["name"],) if found else ())
        case Reason.TAKEN | Reason.UNKNOWN:
            named = _KEY.search(message) or _CONSTRAINT.search(message)
            return Refusal(reason, table, _columns(table, named["name"]) if named else ())
        case _:
            return Refusal(reason)


def _columns(table: str, constraint: str) -> tuple[str, ...]:
    """The columns of the constraint or unique index that is called ``constraint``."""
    tables: Mapping[str, Table] = Model.metadata.tables
    known = tables.get(table)
    if known is None:
        return ()
    if constraint in {"PRIMARY", f"pk_{table}", f"{table}_pkey"}:
        return tuple(column.name for column in known.primary_key.columns)
    groups: list[Constraint | Index] = [*known.constraints, *known.indexes]
    for group in groups:
        if group.name == constraint:
            local = group.columns if isinstance(group, (ForeignKeyConstraint, Index)) else getattr(group, "columns", ())
            return tuple(column.name for column in local)
    return ()
