"""What the database refuses, as the problem that the client should see."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from velox.db.model import Model
from velox.errors import Conflict, FieldError, Problem, ServiceUnavailable, ValidationProblem

__all__ = ["integrity_problem", "problem_for"]

# "UNIQUE constraint failed: link.slug, link.owner_id": https://www.sqlite.org/rescode.html#constraint
_SQLITE = re.compile(r"(?P<kind>[A-Z ]+) constraint failed(?:: (?P<columns>.+))?")


def problem_for(error: SQLAlchemyError) -> Problem | None:
    """The answer to ``error``: 409 or 422 for a broken constraint, 503 for a database that is busy; ``None`` is a
    mistake of ours.
    """
    if isinstance(error, IntegrityError):
        return integrity_problem(error)
    busy = isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and "database is locked" in str(error.orig))
    if busy:
        return ServiceUnavailable("The database is busy.", headers={"Retry-After": "1"})
    return None


def integrity_problem(error: IntegrityError) -> Problem:
    """The problem that names the fields behind a broken constraint, where the database tells them.

    A value that is taken is a 409 :class:`~velox.errors.Conflict`, and so is deleting what others refer to. A missing
    value, one that breaks a check, and a reference to nothing are a 422 :class:`~velox.errors.ValidationProblem`.
    """
    found = _SQLITE.match(str(error.orig))
    kind, columns = (found["kind"], found["columns"] or "") if found else ("", "")
    match kind:
        case "UNIQUE" | "PRIMARY KEY":
            return _taken(_fields(columns))
        case "NOT NULL":
            return _invalid(_fields(columns), "Input should not be null", "not_null")
        case "FOREIGN KEY" if (error.statement or "").startswith("DELETE"):
            return Conflict("It is still in use.")
        case "FOREIGN KEY":
            return _invalid([], "It refers to something that does not exist", "foreign_key")
        case "CHECK":
            return _invalid([], "It breaks a rule of the database", "check")
        case _:
            return Conflict("It does not fit what is stored.")


def _taken(fields: list[str]) -> Problem:
    if not fields:
        return Conflict("It is taken.")
    errors = [FieldError("It is taken", "unique", pointer=f"/{field}") for field in fields]
    verb = "is" if len(fields) == 1 else "are together"
    return Conflict(f"{' and '.join(fields)} {verb} taken.", errors=errors)


def _invalid(fields: list[str], message: str, code: str) -> Problem:
    pointers = [f"/{field}" for field in fields] or [""]
    return ValidationProblem(f"{message}.", errors=[FieldError(message, code, pointer=pointer) for pointer in pointers])


def _fields(columns: str) -> list[str]:
    """``"link.slug, link.owner_id"`` as the names that the client knows these columns by."""
    names: list[str] = []
    for column in columns.split(", "):
        table, _, name = column.partition(".")
        if name:  # a unique index on an expression is told by its own name, which is nobody's business
            names.append(_field(table, name))
    return names


def _field(table: str, column: str) -> str:
    for mapper in Model._sa_registry.mappers:
        local: Any = mapper.local_table
        if local.name == table and column in local.c:
            key = mapper.get_property_by_column(local.c[column]).key
            return mapper.class_.model_fields[key].alias or key
    return column
