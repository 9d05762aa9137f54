"""What a Session and a Reader have in common: two ways to read that a handler wants all day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, overload

from sqlalchemy import Executable
from sqlalchemy.exc import DataError
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from velox.db.borrowed import count_of
from velox.db.page import Page, PageQuery
from velox.db.stream import Stream
from velox.errors import NotFound, Problem

__all__ = ["Reading", "only_row", "page_of", "page_with", "sliced", "total_of"]

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
        return await only_row(self.exec(statement), missing)

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
        return await page_of(self.exec, statement, query)


async def only_row(rows: Awaitable[Any], missing: Problem | None) -> Any:
    """The one row in the answer to a statement; raises ``missing`` when there is none."""
    try:
        row = (await rows).one_or_none()
    except (OverflowError, DataError):
        row = None  # it is compared with a number that its column cannot hold
    if row is None:
        raise NotFound() if missing is None else missing
    return row


async def page_of(exec_: Callable[[Any], Awaitable[Any]], statement: Any, query: PageQuery[T]) -> Page[T]:
    """The slice of ``statement``'s rows that ``query`` asks for, and how many there are in all."""
    items = list((await exec_(sliced(statement, query, query.limit, query.offset))).all())
    total = total_of(items, query)
    if total is None:
        total = (await exec_(count_of(statement))).one()
    return page_with(items, total, query)


def sliced(statement: Any, query: PageQuery[Any], limit: Any, offset: Any) -> Any:
    """``statement`` in the order that ``query`` asks for, and cut."""
    if "sort" in query.model_fields_set:
        statement = statement.order_by(None)
    return statement.order_by(*query.order()).limit(limit).offset(offset)


def total_of(items: list[Any], query: PageQuery[Any]) -> int | None:
    """How many rows there are in all, if a slice tells: it is the last one, and not empty."""
    is_last = len(items) < query.limit and (items or query.offset == 0)
    return query.offset + len(items) if is_last else None


def page_with(items: list[T], total: int, query: PageQuery[T]) -> Page[T]:
    """The page of ``items``. Rows are not instances of ``Public[T]``, and need no second validation."""
    return Page.model_construct(items=items, total=total, limit=query.limit, offset=query.offset)
