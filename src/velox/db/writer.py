"""``Writer``: stores rows one by one, at the price of many at once."""

from __future__ import annotations

from typing import Protocol, TypeVar

from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError, InvalidRequestError, SQLAlchemyError

from velox.db.asker import Asker, asker
from velox.db.integrity import integrity_problem, problem_for
from velox.errors import Problem

__all__ = ["Writer"]

T = TypeVar("T")


class Inserts(Protocol):
    """What a Writer's rows go through."""

    async def insert(self, row: object, asker: Asker | None = None) -> None: ...


class Writer:
    """Stores new rows, each in a transaction of its own: for a handler that writes one, and nothing else.

    Rows that are stored at the same time by different requests share one commit, which is most of what a row costs; a
    row that the database refuses fails alone. What :meth:`add` has stored stays, also when the handler fails
    afterwards: whatever belongs together needs a :class:`~velox.db.Session`.

    Args:
        group: Where rows meet; ``database.writer()`` knows.
        observed: Whether to remember who asked.
    """

    def __init__(self, group: Inserts, *, observed: bool = False) -> None:
        self._group: Inserts | None = group
        self._observed = observed

    async def add(self, instance: T, *, conflict: Problem | None = None) -> T:
        """Store a new row, and return it complete: keys, defaults and all. It is committed then.

        Args:
            instance: The row.
            conflict: The problem to raise when a unique value is taken or the row does not fit. Default: a problem that
                names the field, see :func:`~velox.db.integrity_problem`.

        Raises:
            Problem: The database refuses the row, or is busy for too long (503).
            sqlalchemy.exc.InvalidRequestError: The row is not new.
        """
        if self._group is None:
            raise InvalidRequestError("This Writer is permanently closed: its request, or its block, has ended.")
        if not inspect(instance).transient:
            raise InvalidRequestError("A Writer stores new rows; to change one, ask for a Session instead: db: Session")
        try:
            await self._group.insert(instance, asker() if self._observed else None)
        except IntegrityError as error:
            raise conflict or integrity_problem(error) from error
        except SQLAlchemyError as error:
            if problem := problem_for(error):
                raise problem from error
            raise
        return instance

    def close(self) -> None:
        """A writer that is closed is of no use any more."""
        self._group = None
