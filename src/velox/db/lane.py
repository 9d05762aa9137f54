"""The two ways to read: prepared statements on the driver, and SQLAlchemy's session for all others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Integer, bindparam, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session as SyncSession

from velox.db.borrowed import all_rows, count_of
from velox.db.inline import Inline
from velox.db.mixins import hide_deleted
from velox.db.page import Page, PageQuery
from velox.db.reading import Reading, page_of, page_with, sliced, total_of
from velox.db.readonly import ReadOnly, make_read_only
from velox.db.rows import Rows
from velox.db.statements import Prepared, Statements, Unprepared

__all__ = ["OrdinaryReader", "ReadLane", "ReadOnlySession", "Reads"]

_AT_ONCE = 500
"""The most rows that are made models without letting others run: about a millisecond's work."""

_LIMIT, _OFFSET = bindparam("velox_limit", type_=Integer), bindparam("velox_offset", type_=Integer)

_WITHOUT_PAUSE = 32
"""The most statements in a row that are run without letting others run."""


class ReadOnlySession(SyncSession):
    """The synchronous half."""


@event.listens_for(ReadOnlySession, "do_orm_execute")
def _refuse_to_write(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        raise ReadOnly("change rows")


event.listen(ReadOnlySession, "do_orm_execute", hide_deleted)


class OrdinaryReader(Reading):
    """SQLModel's session, which refuses to write."""

    sync_session_class: Any = ReadOnlySession


class Reads(Protocol):
    """What a Reader's statements go through."""

    async def get(self, model: type[Any], key: Any) -> Any: ...

    async def get_with(self, model: type[Any], key: Any, options: list[Any]) -> Any: ...

    async def run(self, statement: Any, params: Mapping[str, Any] | None) -> Rows[Any]: ...

    async def page(self, statement: Any, query: PageQuery[Any]) -> Page[Any]: ...

    def ordinary(self) -> OrdinaryReader: ...


class ReadLane:
    """How a Reader's statements reach the database.

    Args:
        engine: The connections that only read.
        inline: SQLite's connection for the event loop's own thread; ``None`` where there is none, or where tests share
            one connection.
    """

    def __init__(self, engine: AsyncEngine, inline: Inline | None) -> None:
        self._engine = engine
        self._inline = inline
        self._statements = Statements(engine.dialect)
        self._since_pause = 0

    async def get(self, model: type[Any], key: Any) -> Any:
        """The row of ``model`` with the primary key ``key``, or ``None``."""
        try:
            prepared, sql, values = self._statements.get(model, key)
        except Unprepared:
            return await self.get_with(model, key, [])
        rows = await self._fetch(prepared, sql, values)
        return prepared.hydrate(rows, {})[0] if rows else None

    async def get_with(self, model: type[Any], key: Any, options: list[Any]) -> Any:
        """:meth:`get`, with loader options."""
        async with self.ordinary() as session:
            return _detached(session, Rows([await session.get(model, key, options=options)]))[0]

    async def run(self, statement: Any, params: Mapping[str, Any] | None) -> Rows[Any]:
        """All rows of ``statement``, detached and read-only."""
        try:
            prepared, parameters = self._statements.prepare(statement)
            sql, values = prepared.bind(parameters, params)
        except Unprepared:
            return await self._run_ordinarily(statement, params)
        rows = await self._fetch(prepared, sql, values)
        if len(rows) <= _AT_ONCE:
            return Rows(prepared.hydrate(rows, {}))
        return await _hydrate_in_parts(prepared, rows)

    async def page(self, statement: Any, query: PageQuery[Any]) -> Page[Any]:
        """The slice of ``statement``'s rows that ``query`` asks for."""
        order = (type(query), query.sort, "sort" in query.model_fields_set)
        try:
            prepared, parameters = self._statements.prepare(
                statement, order, lambda whole: sliced(whole, query, _LIMIT, _OFFSET)
            )
            sql, values = prepared.bind(parameters, {"velox_limit": query.limit, "velox_offset": query.offset})
            counting, counted = self._statements.prepare(statement, "count", count_of)
        except Unprepared:
            return await page_of(lambda one: self.run(one, None), statement, query)
        items = prepared.hydrate(await self._fetch(prepared, sql, values), {})
        total = total_of(items, query)
        if total is None:
            ((total,),) = await self._fetch(counting, *counting.bind(counted, None))
        return page_with(items, total, query)

    def ordinary(self) -> OrdinaryReader:
        """A session of SQLAlchemy's; it is open until it is closed, and so may be its connection."""
        return OrdinaryReader(self._engine, expire_on_commit=False, autoflush=False, close_resets_only=False)

    def close(self) -> None:
        """Close what the engine does not."""
        if self._inline is not None:
            self._inline.close()

    async def _fetch(self, prepared: Prepared, sql: str, values: list[Any]) -> list[Any]:
        if self._inline is not None:
            self._since_pause += 1
            if self._since_pause >= _WITHOUT_PAUSE:
                self._since_pause = 0
                await asyncio.sleep(0)
            rows = self._inline.fetch(prepared, sql, values)
            if rows is not None:
                return rows
        async with self._engine.connect() as connection:
            return list((await connection.exec_driver_sql(sql, tuple(values))).fetchall())

    async def _run_ordinarily(self, statement: Any, params: Mapping[str, Any] | None) -> Rows[Any]:
        async with self.ordinary() as session:
            result = await session.exec(statement, params=params)
            if getattr(result, "returns_rows", True):
                return _detached(session, Rows(all_rows(result)))
            return Rows()


def _detached(session: OrdinaryReader, rows: Rows[Any]) -> Rows[Any]:
    states = session.sync_session.identity_map.all_states()
    session.expunge_all()
    make_read_only(states)
    return rows


async def _hydrate_in_parts(prepared: Prepared, rows: list[Any]) -> Rows[Any]:
    models: Rows[Any] = Rows()
    seen: dict[Any, Any] = {}
    for start in range(0, len(rows), _AT_ONCE):
        models += prepared.hydrate(rows[start : start + _AT_ONCE], seen)
        await asyncio.sleep(0)
    return models
