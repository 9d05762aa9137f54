"""``Session``: the unit of work of one request."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from inspect import isawaitable
from typing import Any, TypeVar, TypeVarTuple, cast, overload

from sqlalchemy import Insert, event, insert, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel.sql.expression import Select, SelectOfScalar

from velox.db.bulk import batches, upserting
from velox.db.integrity import problem_for
from velox.db.mixins import WITH_DELETED, SoftDelete, hide_deleted
from velox.db.reading import Reading
from velox.db.readonly import WritingSession
from velox.db.watch import Use
from velox.errors import Problem, ServiceUnavailable
from velox.location import location_of, shortened

__all__ = ["NotAwaited", "Session"]

logger = logging.getLogger("velox.db")

Hook = Callable[[], Awaitable[Any] | None]
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class NotAwaited(RuntimeError):
    """A session was asked to write without ``await``: nothing would be written, and nobody would know."""


F = TypeVar("F", bound=Callable[..., Any])


event.listen(WritingSession, "do_orm_execute", hide_deleted)


def _used(method: F) -> F:
    """``method``, while the session's use is looked after."""

    @wraps(method)
    async def using(session: Session, *args: Any, **options: Any) -> Any:
        with session.use.statement(session):
            return await method(session, *args, **options)

    return cast(F, using)


class Session(Reading):
    """SQLModel's ``AsyncSession`` for a request: what it writes is committed together, before the response, or not.

    The first statement begins the transaction; until then there is no connection. On SQLite it begins with ``BEGIN
    IMMEDIATE``, so a row read in a Session is nobody else's to write until the Session ends; on a server, read it with
    ``lock=True`` for that. Keep slow work, such as calling another service, out of it. Rows stay readable after the
    commit (``expire_on_commit=False``). A session belongs to the task that used it first.

    Raises:
        SharedSession: Another task uses it, too.
    """

    sync_session_class = WritingSession

    def __init__(self, *args: Any, use: Use | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.use = use or Use()
        self._asked: dict[object, tuple[Coroutine[Any, Any, Any], str, str, int]] = {}
        """Writes that were asked for and have not begun, with their places."""
        self._hooks: list[Hook] = []

    exec = _used(Reading.exec)
    execute = _used(Reading.execute)
    refresh = _used(Reading.refresh)
    connection = _used(Reading.connection)
    flush = _used(Reading.flush)

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
        with self.use.statement(self):
            row = await super().get(entity, ident, **options)
        # The session itself remembers rows, and asks nobody for those.
        hidden = isinstance(row, SoftDelete) and row.deleted_at is not None
        shown = dict(options.get("execution_options") or {}).get(WITH_DELETED, False)
        return None if hidden and not shown else row

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

    def delete(
        self, instance: Any, *, conflict: Problem | None = None, for_good: bool = False
    ) -> Coroutine[Any, Any, None]:
        """Delete a row now; a :class:`~velox.db.SoftDelete` is only marked.

        Args:
            instance: The row, loaded in this session.
            conflict: The problem to raise when other rows need it. Default: a 409.
            for_good: Delete a ``SoftDelete``, too. Default ``False``.

        Raises:
            Problem: Other rows need it, and the session's transaction is over.
        """
        ticket = object()
        return self._ask(ticket, "delete", self._delete(ticket, instance, conflict, for_good=for_good))

    async def insert_many(self, rows: Sequence[Any]) -> None:
        """Insert many new rows in few statements.

        The rows themselves stay as they are: they learn neither their keys nor what the database computes, and
        relationships are left out.

        Args:
            rows: Instances of one table class, or of several.

        Raises:
            Problem: The database refuses a row. None of them is there then, and the session's transaction is over.
        """
        await self._insert((insert(cls), values) for cls, values in batches(rows))

    async def upsert(self, rows: Sequence[Any], *, on: Sequence[str], update: Sequence[str] | None = None) -> None:
        """Insert rows, or update those that are there already, in few statements.

        Args:
            rows: Instances of one table class; as for :meth:`insert_many`, they stay as they are.
            on: The fields that tell whether a row is there: a primary key or a unique constraint. MariaDB and MySQL
                look at every unique constraint, whatever is said here.
            update: The fields that a row which is there takes over. Default: all that are given, except ``on``, the
                primary key and ``created_at``. Empty: it stays as it is.

        Raises:
            Problem: The database refuses a row for another reason.
        """
        dialect = self.get_bind(inspect(type(rows[0])) if rows else None).dialect.name
        await self._insert(
            (upserting(dialect, cls, list(values[0]), on, update), values) for cls, values in batches(rows)
        )

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the transaction that can fail alone: an exception in the block undoes what the block wrote, and no
        more. It is raised on.

        What the block gave to :meth:`on_commit` is forgotten with it.
        """
        kept = len(self._hooks)
        with self.use.statement(self):
            nested = await self.begin_nested()
        try:
            async with nested:
                yield
        except BaseException:
            del self._hooks[kept:]
            raise

    def on_commit(self, hook: Hook) -> Hook:
        """Call ``hook()`` (sync or async) once, after the commit and only then; it is forgotten with a rollback.

        Hooks run in order, before the response. What was committed stays when one fails: the failure is logged, and the
        others run. The session's transaction is over then: a hook that needs the database opens a session of its own.
        """
        self._hooks.append(hook)
        return hook

    async def commit(self) -> None:
        """Commit what was written so far, then call what :meth:`on_commit` was given. Whoever opened the session does
        it at the end; a failure is raised, never swallowed.

        Raises:
            NotAwaited: Something was to be written, and the ``await`` is missing.
        """
        await self.complete()
        with self.use.statement(self):
            await super().commit()
        await self._run_hooks()

    async def complete(self) -> None:
        """Write what was changed so far, without a commit, and load what only the database knows of it.

        Raises:
            NotAwaited: Something was to be written, and the ``await`` is missing.
        """
        self.refuse_unawaited()
        with self.use.statement(self):
            if changed := [*self.sync_session.new, *self.sync_session.dirty]:
                await super().flush()
                for row in changed:
                    await self._complete(row)

    async def rollback(self) -> None:
        """Undo what was written since the last commit."""
        self._hooks.clear()
        self.use.rest()
        await super().rollback()

    async def close(self) -> None:
        """Undo what was not committed, and give the connection back."""
        self._hooks.clear()
        self.use.rest()
        await super().close()

    async def finish(self) -> None:
        """Commit, if there is anything to commit or to call after it."""
        self.refuse_unawaited()
        if self.in_transaction() or self._hooks:
            await self.commit()

    async def _run_hooks(self) -> None:
        hooks, self._hooks = self._hooks, []
        for hook in hooks:
            try:
                outcome = hook()
                if isawaitable(outcome):
                    await outcome
            except Exception:
                logger.exception("%s failed after the commit, which stays", location_of(hook))

    async def _insert(self, statements: Iterable[tuple[Insert, list[dict[str, Any]]]]) -> None:
        await self.flush()
        for statement, values in statements:
            try:
                await self.exec(statement, params=values)
            except DBAPIError as error:
                raise problem_for(error) or error from error

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
        with self.use.statement(self):
            super().add(instance)
            await self._write(conflict)
            await self._complete(instance)
        return instance

    async def _delete(self, ticket: object, instance: Any, conflict: Problem | None, *, for_good: bool) -> None:
        self._asked.pop(ticket, None)
        with self.use.statement(self):
            if isinstance(instance, SoftDelete) and not for_good:
                instance.deleted_at = datetime.now(UTC)
                super().add(instance)
            else:
                await super().delete(instance)
            await self._write(conflict)

    async def _write(self, conflict: Problem | None) -> None:
        try:
            await self.flush()
        except (DBAPIError, StaleDataError) as error:
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
