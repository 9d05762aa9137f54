"""``Session``: the unit of work of one request."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from typing import Any, TypeVar, TypeVarTuple, overload

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlmodel.sql.expression import Select, SelectOfScalar

from velox.db.integrity import problem_for
from velox.db.reading import Reading
from velox.errors import Problem, ServiceUnavailable
from velox.location import shortened

__all__ = ["NotAwaited", "Session"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class NotAwaited(RuntimeError):
    """A session was asked to write without ``await``: nothing would be written, and nobody would know."""


class Session(Reading):
    """SQLModel's ``AsyncSession`` for a request: what it writes is committed together, before the response, or not.

    The first statement begins the transaction; until then there is no connection. On SQLite it begins with ``BEGIN
    IMMEDIATE``, so a row read in a Session is nobody else's to write until the Session ends: keep slow work, such as
    calling another service, out of it. Rows stay readable after the commit (``expire_on_commit=False``).
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._asked: dict[object, tuple[Coroutine[Any, Any, Any], str, str, int]] = {}
        """Writes that were asked for and have not begun, with their places."""

    @overload
    async def one(self, statement: SelectOfScalar[T], missing: Problem | None = None, *, lock: bool = False) -> T: ...

    @overload
    async def one(
        self, statement: Select[*Ts], missing: Problem | None = None, *, lock: bool = False
    ) -> tuple[*Ts]: ...

    async def one(self, statement: Any, missing: Problem | None = None, *, lock: bool = False) -> Any:
        """The one row that ``statement`` selects.

        Args:
            statement: ``select(Link).where(...)``.
            missing: The problem to raise when there is no row. Default: a plain :class:`~velox.errors.NotFound`.
            lock: Keep the row from being written by anybody else until this transaction ends, and read it as it is now:
                for what is computed from it. On SQLite the transaction itself is such a lock. Default ``False``.

        Raises:
            Problem: ``missing``; or a 503 when somebody else kept the row locked for ``database_timeout_s``.
            sqlalchemy.exc.MultipleResultsFound: There are several rows: the statement is wrong.
        """
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return await super().one(statement, missing)

    async def get(self, entity: type[T], ident: Any, *, lock: bool = False, **options: Any) -> T | None:  # type: ignore[override]
        """The row with the primary key ``ident``, or ``None``.

        Args:
            entity: The table class.
            ident: The key; a tuple where there are several columns.
            lock: As in :meth:`one`.
            **options: SQLAlchemy's, as ``options=[selectinload(...)]``.
        """
        if lock:
            options["with_for_update"] = True
        return await super().get(entity, ident, **options)

    def add(  # type: ignore[override]
        self, instance: T, *, conflict: Problem | None = None
    ) -> Coroutine[Any, Any, T]:
        """Write a new or changed row now, and return it complete: keys, defaults and all.

        Args:
            instance: The row.
            conflict: The problem to raise when a unique value is taken or the row does not fit. Default: a problem that
                names the field, see :func:`~velox.db.integrity_problem`.

        Raises:
            Problem: The database refuses the row. The session's transaction is over then: let the problem end the
                request, or do the risky part inside ``async with db.begin_nested():``.
        """
        ticket = object()
        return self._ask(ticket, "add", self._add(ticket, instance, conflict))

    def delete(self, instance: Any, *, conflict: Problem | None = None) -> Coroutine[Any, Any, None]:
        """Delete a row now.

        Args:
            instance: The row, loaded in this session.
            conflict: The problem to raise when other rows need it. Default: a 409.

        Raises:
            Problem: Other rows need it, and the session's transaction is over.
        """
        ticket = object()
        return self._ask(ticket, "delete", self._delete(ticket, instance, conflict))

    async def commit(self) -> None:
        """Commit what was written so far. Whoever opened the session does it at the end; a failure is raised, never
        swallowed.

        Raises:
            NotAwaited: Something was to be written, and the ``await`` is missing.
        """
        self.refuse_unawaited()
        if changed := [*self.sync_session.new, *self.sync_session.dirty]:
            await super().flush()
            for row in changed:
                await self._complete(row)
        await super().commit()

    def refuse_unawaited(self) -> None:
        """Raise :class:`NotAwaited` if ``add`` or ``delete`` was called without ``await``."""
        asked, self._asked = self._asked, {}
        for work, *_ in asked.values():
            work.close()
        for _, name, file, line in asked.values():
            raise NotAwaited(f"{shortened(file)}:{line}: db.{name}(...) does nothing. Write: await db.{name}(...)")

    def _ask(self, ticket: object, name: str, work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        caller = sys._getframe(2)
        self._asked[ticket] = (work, name, caller.f_code.co_filename, caller.f_lineno)
        return work

    async def _add(self, ticket: object, instance: T, conflict: Problem | None) -> T:
        self._asked.pop(ticket, None)
        super().add(instance)
        await self._write(conflict)
        await self._complete(instance)
        return instance

    async def _delete(self, ticket: object, instance: Any, conflict: Problem | None) -> None:
        self._asked.pop(ticket, None)
        await super().delete(instance)
        await self._write(conflict)

    async def _write(self, conflict: Problem | None) -> None:
        try:
            await self.flush()
        except DBAPIError as error:
            problem = problem_for(error)
            if problem is None:
                raise
            refused = not isinstance(problem, ServiceUnavailable)
            raise (conflict if conflict is not None and refused else problem) from error

    async def _complete(self, row: object) -> None:
        """Load the columns that only the database knows (``row.hits = Link.hits + 1``): later, nobody could."""
        state = inspect(row)
        missing = (
            state.unloaded.intersection(state.mapper.column_attrs.keys())
            if state is not None and state.persistent
            else ()
        )
        if missing:
            await self.refresh(row, missing)
