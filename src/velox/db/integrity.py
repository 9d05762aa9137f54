"""What the database refuses, as the problem that the client should see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from velox.db.model import Model, below
from velox.db.refusal import Reason, Refusal, refusal
from velox.errors import Conflict, FieldError, Problem, ServiceUnavailable, ValidationProblem

__all__ = ["integrity_problem", "problem_for"]

_RETRY_AFTER_S = "1"


def problem_for(error: Exception) -> Problem | None:
    """The answer to ``error``: 409 or 422 for what does not fit, 503 for a database that is busy or away; ``None`` is a
    mistake of ours.

    A transaction that lost against another one (a deadlock, or a serialization failure) is a 503, too: nothing was
    written, the request was sound, and sending it again a second later will do.
    """
    found = refusal(error)
    return None if found is None else _problem(found)


def integrity_problem(error: IntegrityError) -> Problem:
    """The problem that names the fields behind a broken constraint, where the database tells them.

    A value that is taken is a 409 :class:`~velox.errors.Conflict`, and so is deleting what others refer to. A missing
    value, one that breaks a check or does not fit into its column, and a reference to nothing are a 422
    :class:`~velox.errors.ValidationProblem`.
    """
    return problem_for(error) or _problem(Refusal(Reason.OTHER))


def _problem(found: Refusal) -> Problem:
    fields = [_field(found.table, column) for column in found.columns if column]
    match found.reason:
        case Reason.TAKEN:
            return _taken(fields)
        case Reason.MISSING:
            return _invalid(fields, "Input should not be null", "not_null")
        case Reason.UNKNOWN:
            return _invalid(fields, "It refers to something that does not exist", "foreign_key")
        case Reason.IN_USE:
            return Conflict("It is still in use.")
        case Reason.CHECK:
            return _invalid(fields, "It breaks a rule of the database", "check")
        case Reason.TOO_MUCH:
            return _invalid(fields, "Input is more than the database can store", "too_much")
        case Reason.STALE:
            return Conflict("Somebody else has changed it meanwhile. Read it again.")
        case Reason.BUSY:
            return ServiceUnavailable("The database is busy.", headers={"Retry-After": _RETRY_AFTER_S})
        case Reason.AWAY:
            return ServiceUnavailable("The database is away.", headers={"Retry-After": _RETRY_AFTER_S})
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


def _field(table: str, column: str) -> str:
    for model in below(Model):
        mapper: Any = inspect(model, raiseerr=False)  # None for a class that could not be mapped
        local: Any = mapper.local_table if mapper is not None else None
        if local is not None and local.name == table and column in local.c:
            key = mapper.get_property_by_column(local.c[column]).key
            return model.model_fields[key].alias or key
    return column
