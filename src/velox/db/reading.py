"""What a Session and a Reader have in common: SQLModel's session, and two ways to read that a handler wants all day."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar, TypeVarTuple, overload

from sqlalchemy import Executable
from sqlalchemy.exc import DataError
from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from velox.db.page import Page, PageQuery
from velox.db.stream import Stream
from velox.errors import NotFound, Problem

__all__ = ["Reading"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Reading(AsyncSession):
    """SQLModel's ``AsyncSession`` with :meth:`one` and :meth:`page`."""

    @overload
    async def one(self, statement: SelectOfScalar[T], missing: Problem | None = None) -> T: ...

    @overload
    async def one(self, statement: Select[*Ts], missing: Problem | None = None) -> tuple[*Ts]: ...

    async def one(self, statement: Any, missing: Problem | None = None) -> Any:
        """The one row that ``statement`` selects.

        Args:
            statement: ``select(Link).where(...)``.
            missing: The problem to raise when there is no row. Default: a plain :class:`~velox.errors.NotFound`.

        Raises:
            Problem: ``missing``.
            sqlalchemy.exc.MultipleResultsFound: There are several rows: the statement is wrong.
        """
        try:
            row = (await self.exec(statement)).one_or_none()
        except (OverflowError, DataError):
            row = None  # it is compared with a number that its column cannot hold
        if row is None:
            raise NotFound() if missing is None else missing
        return row

    @overload  # type: ignore[override]
    def stream(self, statement: SelectOfScalar[T], *args: Any, batch: int = 500, **options: Any) -> Stream[T]: ...

    @overload
    def stream(self, statement: Any, *args: Any, batch: int = 500, **options: Any) -> Stream[Any]: ...

    def stream(self, statement: Any, *args: Any, batch: int = 500, **options: Any) -> Stream[Any]:
        """The rows of ``statement`` one after the other, for a table that does not fit into memory::

            async for link in db.stream(select(Link)):
                ...

        Args:
            statement: ``select(Link).where(...)``.
            *args: As SQLAlchemy's ``stream`` has them.
            batch: How many rows are fetched at a time.
            **options: As SQLAlchemy's ``stream`` has them.
        """
        if isinstance(statement, Executable) and "yield_per" not in statement.get_execution_options():
            statement = statement.execution_options(yield_per=batch)
        start = partial(super().stream, statement, *args, **options)
        return Stream(start, single=isinstance(statement, SelectOfScalar))

    async def page(self, statement: SelectOfScalar[T], query: PageQuery[T]) -> Page[T]:
        """The slice of ``statement``'s rows that ``query`` asks for.

        An order that the client asked for replaces the statement's own; without one, the statement's own comes first.
        The rows are counted only when the slice itself does not tell.
        """
        if "sort" in query.model_fields_set:
            statement = statement.order_by(None)
        slice_ = statement.order_by(*query.order()).limit(query.limit).offset(query.offset)
        items = list((await self.exec(slice_)).all())
        if len(items) < query.limit and (items or query.offset == 0):
            total = query.offset + len(items)
        else:
            total = (await self.exec(select(func.count()).select_from(statement.order_by(None).subquery()))).one()
        # Rows are not instances of Public[T], and need no second validation.
        return Page[T].model_construct(items=items, total=total, limit=query.limit, offset=query.offset)
