"""``Rows``: what a Reader answers to a statement."""

from __future__ import annotations

from typing import Self, TypeVar

from sqlalchemy.exc import MultipleResultsFound, NoResultFound

__all__ = ["Rows"]

T = TypeVar("T")


class Rows(list[T]):
    """All rows of a statement: a list, with the questions that SQLAlchemy's result answers.

    A model or a value for a ``select`` of one thing, a :class:`~sqlalchemy.engine.Row` (a tuple with names) for one of
    several.
    """

    def all(self) -> Self:
        """The rows."""
        return self

    def first(self) -> T | None:
        """The first row, or ``None``."""
        return self[0] if self else None

    def one_or_none(self) -> T | None:
        """The only row, or ``None``.

        Raises:
            sqlalchemy.exc.MultipleResultsFound: There are several.
        """
        if len(self) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        return self.first()

    def one(self) -> T:
        """The only row.

        Raises:
            sqlalchemy.exc.NoResultFound: There is none.
            sqlalchemy.exc.MultipleResultsFound: There are several.
        """
        if not self:
            raise NoResultFound("No row was found when one was required")
        if len(self) > 1:
            raise MultipleResultsFound("Multiple rows were found when exactly one was required")
        return self[0]
