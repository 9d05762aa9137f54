"""The two ways to read: prepared statements on the driver, and SQLAlchemy's session for all others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Integer, bindparam, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel import Session as SyncSession

from velox.db.borrowed import all_rows, count_of, driver_rows
from velox.db.hydration import Hydrator
from velox.db.inline import Inline
from velox.db.mixins import hide_deleted
from velox.db.page import Page, PageQuery
from velox.db.reading import Reading, page_of, page_with, sliced, total_of
from velox.db.readonly import ReadOnly, make_read_only
from velox.db.rows import Rows
from velox.db.shown import Shown
from velox.db.statements import Codes, Prepared, Statements, Unprepared
from velox.db.together import Together

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

    async def json(self, statement: Any, shown: Shown, params: Mapping[str, Any] | None) -> bytes: ...

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
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._since_pause = 0
        self._together = Together(self._get_alone, self._get_many)

    async def get(self, model: type[Any], key: Any) -> Any:
        """The row of ``model`` with the primary key ``key``, or ``None``."""
        if type(key) is int and self._statements.many(model) is not None:
            return await self._together.get(model, key)
        return await self._get_alone(model, key)

    async def _get_alone(self, model: type[Any], key: Any) -> Any:
        try:
            prepared, sql, values = self._statements.get(model, key)
        except Unprepared:
            return await self.get_with(model, key, [])
        rows, codes = await self._fetch(prepared, sql, values)
        return prepared.hydrator(codes)(rows, {})[0] if rows else None

    async def _get_many(self, model: type[Any], keys: Sequence[Any]) -> dict[Any, Callable[[], Any]]:
        many = self._statements.many(model)
        assert many is not None
        prepared, name = many
        rows, codes = await self._fetch(prepared, prepared.compiled.string, [list(keys)])
        hydrate = prepared.hydrator(codes)
        models = hydrate(rows, {})
        return {getattr(one, name): partial(_each, hydrate, row, [one]) for one, row in zip(models, rows, strict=True)}

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
        rows, codes = await self._fetch(prepared, sql, values)
        hydrate = prepared.hydrator(codes)
        if len(rows) <= _AT_ONCE:
            return Rows(hydrate(rows, {}))
        return await _hydrate_in_parts(hydrate, rows)

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
        rows, codes = await self._fetch(prepared, sql, values)
        items = prepared.hydrator(codes)(rows, {})
        total = total_of(items, query)
        if total is None:
            ((total,),), _ = await self._fetch(counting, *counting.bind(counted, None))
        return page_with(items, total, query)

    async def json(self, statement: Any, shown: Shown, params: Mapping[str, Any] | None) -> bytes:
        """The rows of ``statement`` as JSON, of which nothing is read but what is shown."""
        try:
            prepared, parameters = self._statements.prepare(statement, shown, shown.narrowed, shown.names)
            sql, values = prepared.bind(parameters, params)
        except Unprepared:
            return await self._json_ordinarily(shown.narrowed(statement), shown, params)
        rows, codes = await self._fetch(prepared, sql, values)
        hydrate = prepared.hydrator(codes)
        return await _in_parts(rows, lambda part: shown.encoded(hydrate(part, {})))

    def ordinary(self) -> OrdinaryReader:
        """A session of SQLAlchemy's; it is open until it is closed, and so may be its connection."""
        return OrdinaryReader(self._engine, expire_on_commit=False, autoflush=False, close_resets_only=False)

    def observe(self, wrap: Callable[[Inline], Inline]) -> None:
        """From now on somebody is told of each statement and of who asked.

        Args:
            wrap: Makes of SQLite's connection of the event loop one that tells; the pool's connections have events.
        """
        self._together.is_observed = True
        if self._inline is not None:
            self._inline = wrap(self._inline)

    async def close(self) -> None:
        """Close what the engine does not."""
        await self._together.close()
        if self._inline is not None:
            self._inline.close()

    async def _fetch(self, prepared: Prepared, sql: str, values: list[Any]) -> tuple[list[Any], Codes]:
        if self._inline is not None:
            self._since_pause += 1
            if self._since_pause >= _WITHOUT_PAUSE:
                self._since_pause = 0
                await asyncio.sleep(0)
            rows = self._inline.fetch(prepared, sql, values)
            if rows is not None:
                return rows, None
        return await greenlet_spawn(self._fetch_from_pool, sql, values)

    def _fetch_from_pool(self, sql: str, values: list[Any]) -> tuple[list[Any], Codes]:
        # One greenlet for taking a connection, the statement and giving it back: each costs as much as all three.
        with self._engine.sync_engine.connect() as connection:
            rows, codes = driver_rows(connection, sql, values)
        return rows, None if self._is_sqlite else codes

    async def _run_ordinarily(self, statement: Any, params: Mapping[str, Any] | None) -> Rows[Any]:
        async with self.ordinary() as session:
            result = await session.exec(statement, params=params)
            if getattr(result, "returns_rows", True):
                return _detached(session, Rows(all_rows(result)))
            return Rows()

    async def _json_ordinarily(self, narrowed: Any, shown: Shown, params: Mapping[str, Any] | None) -> bytes:
        async with self.ordinary() as session:
            rows = all_rows(await session.exec(narrowed, params=params))
        dicts = [dict(zip(shown.names, row, strict=True)) for row in rows]
        return await _in_parts(dicts, shown.encoded)


async def _in_parts(rows: list[Any], encode: Callable[[list[Any]], bytes]) -> bytes:
    """All rows as one JSON array."""
    if len(rows) <= _AT_ONCE:
        return encode(rows)
    parts: list[bytes] = []
    for start in range(0, len(rows), _AT_ONCE):
        parts.append(encode(rows[start : start + _AT_ONCE])[1:-1])
        await asyncio.sleep(0)
    return b"[%b]" % b",".join(parts)


def _each(hydrate: Hydrator, row: Any, first: list[Any]) -> Any:
    """A model of ``row`` for one of those who asked; the first gets the one that is there, no two the same."""
    return first.pop() if first else hydrate([row], {})[0]


def _detached(session: OrdinaryReader, rows: Rows[Any]) -> Rows[Any]:
    states = session.sync_session.identity_map.all_states()
    session.expunge_all()
    make_read_only(states)
    return rows


async def _hydrate_in_parts(hydrate: Hydrator, rows: list[Any]) -> Rows[Any]:
    models: Rows[Any] = Rows()
    seen: dict[Any, Any] = {}
    for start in range(0, len(rows), _AT_ONCE):
        models += hydrate(rows[start : start + _AT_ONCE], seen)
        await asyncio.sleep(0)
    return models
