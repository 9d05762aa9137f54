"""``Reader``: reads without a unit of work, and therefore without its price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar, TypeVarTuple, overload

from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncScalarResult
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.interfaces import ORMOption
from sqlmodel.sql.expression import Select, SelectOfScalar

from velox._json import Json
from velox.db.lane import OrdinaryReader, Reads
from velox.db.page import Page, PageQuery
from velox.db.reading import only_row
from velox.db.readonly import ReadOnly
from velox.db.rows import Rows
from velox.db.shown import shown
from velox.db.stream import Stream
from velox.errors import Problem

__all__ = ["ReadOnly", "Reader"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Reader:
    """Reads rows: :meth:`get`, :meth:`exec`, :meth:`one`, :meth:`page`, :meth:`json`.

    Each statement sees the newest committed state, and none waits for a writer. A statement is compiled once for all
    that differ only in their values, is run on the driver, and its rows are made models without SQLAlchemy's session.
    They are what a Session would have read, but belong to nobody: they stay readable after the reader is closed, and
    changing one raises :class:`ReadOnly`, since nobody would save it.

    Args:
        lane: How its statements reach the database; ``database.reader()`` knows.

    Raises:
        ReadOnly: Something would be written: ``add``, ``delete``, ``commit``, ..., an ``update()`` statement, or a
            change of a row.
    """

    def __init__(self, lane: Reads) -> None:
        self._lane: Reads | None = lane
        self._sessions: list[OrdinaryReader] = []

    async def get(self, model: type[T], key: Any, *, load: Sequence[Any] = ()) -> T | None:
        """The row with a primary key, or ``None``: ``await db.get(Link, 7)``.

        Args:
            model: The table class.
            key: The primary key; a tuple of its values in the table's order where it has several columns.
            load: Relationships to load with it, as in :meth:`exec`.
        """
        lane = self._open()
        row: T | None = await (lane.get(model, key) if not load else lane.get_with(model, key, _options(load)))
        return row

    @overload
    async def exec(
        self, statement: SelectOfScalar[T], *, params: Mapping[str, Any] | None = None, load: Sequence[Any] = ()
    ) -> Rows[T]: ...

    @overload
    async def exec(
        self, statement: Select[*Ts], *, params: Mapping[str, Any] | None = None, load: Sequence[Any] = ()
    ) -> Rows[tuple[*Ts]]: ...

    async def exec(
        self, statement: Any, *, params: Mapping[str, Any] | None = None, load: Sequence[Any] = ()
    ) -> Rows[Any]:
        """All rows of ``statement``.

        Args:
            statement: ``select(Link).where(...)``.
            params: The values of its ``bindparam("name")``.
            load: Relationships to load with the rows, a statement for each: ``[Team.heroes]``, or loader options such
                as ``selectinload(Team.heroes).selectinload(Hero.powers)``. Any other raises
                :class:`~velox.db.NotLoaded` when it is touched.
        """
        return await self._open().run(statement.options(*_options(load)) if load else statement, params)

    @overload
    async def one(
        self,
        statement: SelectOfScalar[T],
        missing: Problem | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        load: Sequence[Any] = (),
    ) -> T: ...

    @overload
    async def one(
        self,
        statement: Select[*Ts],
        missing: Problem | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        load: Sequence[Any] = (),
    ) -> tuple[*Ts]: ...

    async def one(
        self,
        statement: Any,
        missing: Problem | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        load: Sequence[Any] = (),
    ) -> Any:
        """The one row that ``statement`` selects.

        Args:
            statement: ``select(Link).where(...)``.
            missing: The problem to raise when there is no row. Default: a plain :class:`~velox.errors.NotFound`.
            params: As in :meth:`exec`.
            load: As in :meth:`exec`.

        Raises:
            Problem: ``missing``.
            sqlalchemy.exc.MultipleResultsFound: There are several rows: the statement is wrong.
        """
        return await only_row(self.exec(statement, params=params, load=load), missing)

    async def page(self, statement: SelectOfScalar[T], query: PageQuery[T]) -> Page[T]:
        """The slice of ``statement``'s rows that ``query`` asks for.

        An order that the client asked for replaces the statement's own; without one, the statement's own comes first.
        The rows are counted only when the slice itself does not tell.
        """
        return await self._open().page(statement, query)

    async def json(
        self, statement: SelectOfScalar[T], schema: type[T], *, params: Mapping[str, Any] | None = None
    ) -> Json[list[T]]:
        """The rows of ``statement`` as JSON: ``await db.json(select(Link), Public[Link])``, in a handler that is
        annotated ``Json[list[Public[Link]]]``.

        The bytes are those that a ``list[Public[Link]]`` is sent as. No model is made, and no column is read that the
        schema does not show.

        Args:
            statement: ``select(Link).where(...)``.
            schema: ``Public[Link]``.
            params: As in :meth:`exec`.

        Raises:
            ConfigurationError: VX403, the schema is not one of columns only, or not of the class that is selected, or
                hides the primary key that ``DISTINCT`` or an outer join needs.
            pydantic.ValidationError: A column holds what its field does not allow.
            sqlalchemy.exc.InvalidRequestError: An outer join found no row to show.
        """
        how = shown(schema)  # type: ignore[arg-type]  # a class is hashable
        return Json.of(how.shape, await self._open().json(statement, how, params))

    @overload
    def stream(self, statement: SelectOfScalar[T], *, batch: int = 500) -> Stream[T]: ...

    @overload
    def stream(self, statement: Any, *, batch: int = 500) -> Stream[Any]: ...

    def stream(self, statement: Any, *, batch: int = 500) -> Stream[Any]:
        """The rows of ``statement`` one after the other, for a table that does not fit into memory; as in a Session.

        Args:
            statement: ``select(Link).where(...)``.
            batch: How many rows are fetched at a time.
        """
        return self._streaming().stream(statement, batch=batch)

    async def stream_scalars(self, statement: Any) -> AsyncScalarResult[Any]:
        """The first thing in each row of ``statement``, as they come: SQLAlchemy's own."""
        return await self._streaming().stream_scalars(statement)

    async def close(self) -> None:
        """End what is still streaming. A reader that is closed is of no use any more."""
        self._lane = None
        for session in self._sessions:
            await session.close()

    def add(self, instance: object) -> NoReturn:
        raise ReadOnly("add a row")

    def add_all(self, instances: object) -> NoReturn:
        raise ReadOnly("add rows")

    async def delete(self, instance: object) -> NoReturn:
        raise ReadOnly("delete a row")

    async def delete_all(self, instances: object) -> NoReturn:
        raise ReadOnly("delete rows")

    async def merge(self, instance: object) -> NoReturn:
        raise ReadOnly("merge a row")

    async def flush(self) -> NoReturn:
        raise ReadOnly("flush")

    async def commit(self) -> NoReturn:
        raise ReadOnly("commit")

    def _open(self) -> Reads:
        if self._lane is None:
            raise InvalidRequestError("This Reader is permanently closed: its request, or its block, has ended.")
        return self._lane

    def _streaming(self) -> OrdinaryReader:
        session = self._open().ordinary()
        self._sessions.append(session)
        return session


def _options(load: Sequence[Any]) -> list[Any]:
    return [one if isinstance(one, ORMOption) else selectinload(one) for one in load]
