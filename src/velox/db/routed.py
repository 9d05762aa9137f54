"""Sessions, readers and writers over several databases: each statement goes to the one that has its rows.

The routing is done where SQLAlchemy's horizontal sharding extension does it, in the session's event ``do_orm_execute``
and in its ``get_bind``. The extension itself asks every shard for a single row, and puts unsorted rows and partial
counts behind one another; here a statement goes to one shard, is merged to the very answer that one database would
give, or is refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.orm import ORMExecuteState, SessionTransaction, UserDefinedOption
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.util import await_only
from sqlmodel import Session as SyncSession
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from velox.db.asker import Asker, behalf
from velox.db.borrowed import all_rows, count_of, is_locking, named_rows
from velox.db.lane import OrdinaryReader, ReadLane, ReadOnlySession, Reads
from velox.db.page import Page, PageQuery
from velox.db.placement import MAIN, group_of
from velox.db.reading import page_with, sliced, total_of
from velox.db.readonly import WritingSession
from velox.db.rows import Rows
from velox.db.shards.ledger import is_fenced_off
from velox.db.shards.merging import Merge, merging, without_strays
from velox.db.shards.routing import refused
from velox.db.shards.sharded import Misplaced, sharded
from velox.db.shown import Shown
from velox.db.switchboard import EVERYWHERE, SCATTER, Switchboard, busy_moving
from velox.errors import ServiceUnavailable

__all__ = ["RoutedGroup", "RoutedLane", "RoutedSession"]

T = TypeVar("T")

_PAUSE_S = 0.02
_TRIES = 3
"""How often a read is begun anew because a bucket has changed its shard meanwhile."""


class _At(UserDefinedOption):
    """Where a statement is run, and what loads the relationships of its rows."""

    propagate_to_loaders = True


class _Routed(SyncSession):
    """What a session that writes and one that reads have in common."""

    switchboard: Switchboard

    def get_bind(self, mapper: Any = None, *, place: str | None = None, clause: Any = None, **options: Any) -> Any:
        if place is None:
            place = self._place_of(mapper.local_table if mapper is not None else clause)
        return self._engine(place)

    def _engine(self, place: str) -> Any:
        return self.switchboard.lanes_of(place).read.sync_engine

    def _place_of(self, table: Any) -> str:
        if table is None or not hasattr(table, "primary_key"):
            return MAIN
        if self.switchboard.is_sharded(table):
            return self.switchboard.shards[0]  # for its dialect: what writes has said where
        return self.switchboard.place_of_group(group_of(table))

    def written(self, place: str, bucket: int | None) -> None:
        """Take note of a write, before it happens."""


class RoutedSession(_Routed, WritingSession):
    """A unit of work that may read from every database, and writes to one.

    Nobody could commit in two together, or in none, so that nothing is lost whenever a process may die.
    """

    def __init__(self, *args: Any, switchboard: Switchboard, wait_s: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self.switchboard = switchboard
        self._wait_s = wait_s
        self._written: str | None = None
        self._fenced: set[int] = set()
        self._used: set[str] = set()

    def connection(self, bind_arguments: Any = None, execution_options: Any = None) -> Connection:
        if not bind_arguments:
            self.written(MAIN, None)  # nobody knows what is done with it
        return super().connection(bind_arguments, execution_options)

    def written(self, place: str, bucket: int | None) -> None:
        if self._written not in (None, place):
            one, other = (repr(name) if name else "the main database" for name in (self._written, place))
            raise Misplaced(
                "VX432",
                f"this session has written to {one}, and would now write to {other}; they cannot be committed together",
                hint="Commit the first, and write the other in a session of its own. A job is in the main database.",
            )
        self._written = place
        if bucket is not None and bucket not in self._fenced:
            connection = self.connection({"place": place})
            if is_fenced_off(connection, bucket):
                self.switchboard.ledger.forget()
                raise busy_moving()
            self._fenced.add(bucket)

    def write_row(self, table: Any, values: Mapping[str, Any]) -> tuple[str, int | None]:
        """Take note of a row that is written; where it is written to, and its bucket if it has one."""
        found = sharded(table) if self.switchboard.shards else None
        if found is not None and self._written is not None and (bucket := found.bucket(values)) in self._fenced:
            return self._written, bucket  # it stays open until this transaction ends
        place, known = self.waiting(partial(self.switchboard.place_of_row, table, values))
        self.written(place, known)
        return place, known

    def waiting(self, find: Callable[[], tuple[str, int | None]]) -> tuple[str, int | None]:
        """What ``find`` finds, a moment later if its bucket is just being moved and this session holds nobody up."""
        deadline = time.monotonic() + self._wait_s
        while True:
            await_only(self.switchboard.freshen())
            try:
                return find()
            except ServiceUnavailable:
                if self._used or time.monotonic() > deadline:
                    raise
            await_only(asyncio.sleep(_PAUSE_S))

    def _engine(self, place: str) -> Any:
        self._used.add(place)
        return self.switchboard.lanes_of(place).write.sync_engine

    def _place_of(self, table: Any) -> str:
        if table is not None and self.switchboard.is_sharded(table) and self._written in self.switchboard.shards:
            return str(self._written)
        return super()._place_of(table)


class _RoutedReadOnlySession(_Routed, ReadOnlySession):
    """The same for what only reads."""

    def __init__(self, *args: Any, switchboard: Switchboard, **options: Any) -> None:
        super().__init__(*args, **options)
        self.switchboard = switchboard


class _RoutedReader(OrdinaryReader):
    sync_session_class: Any = _RoutedReadOnlySession


@event.listens_for(RoutedSession, "before_flush")
def _take_note(session: RoutedSession, _context: Any, _instances: Any) -> None:
    """Find out where the flush writes, before it does; all of it is in one database."""
    changed = [row for row in session.dirty if session.is_modified(row)]
    for row in [*session.new, *changed, *session.deleted]:
        mapper = row.__mapper__
        values = {
            attribute.columns[0].name: row.__dict__[attribute.key]
            for attribute in mapper.column_attrs
            if attribute.key in row.__dict__
        }
        session.write_row(mapper.local_table, values)


@event.listens_for(RoutedSession, "after_transaction_end")
def _forget(session: RoutedSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session._written = None
        session._fenced.clear()
        session._used.clear()


@event.listens_for(RoutedSession, "do_orm_execute")
@event.listens_for(_RoutedReadOnlySession, "do_orm_execute")
def _route(state: ORMExecuteState) -> Any:
    session: Any = state.session
    switchboard: Switchboard = session.switchboard
    writes = state.is_insert or state.is_update or state.is_delete
    place: str | None
    if options := [one.payload for one in state.user_defined_options if isinstance(one, _At)]:
        # A relationship: it never leaves the database of its row.
        place, bucket = str(options[-1]), None
        _check_same(switchboard, state, place)
    elif state.is_insert and switchboard.is_sharded(state.statement.table):  # type: ignore[attr-defined]
        place, bucket = _place_of_many(session, state)
    else:
        if isinstance(state.statement, TextClause):
            writes = not state.statement.text.lstrip().upper().startswith(("SELECT", "EXPLAIN"))
        scatter = bool(state.execution_options.get(SCATTER))

        def find() -> tuple[str | None, int | None]:
            return switchboard.place_of(state.statement, state.parameters, scatter=scatter)

        await_only(switchboard.freshen())
        place, bucket = session.waiting(find) if writes else find()
    if place is EVERYWHERE:
        return _scattered(state, switchboard)
    if writes:
        session.written(place, bucket)
    state.bind_arguments["place"] = place
    if not state.is_select or place == MAIN:
        return None
    state.statement = state.statement.options(_At(place))
    if bucket is None:
        return None
    answer = state.invoke_statement()
    await_only(switchboard.freshen())
    if switchboard.ledger[bucket].owner != place:
        raise busy_moving()  # it took so long that the rows have gone meanwhile
    return answer


def _check_same(switchboard: Switchboard, state: ORMExecuteState, place: str) -> None:
    table = state.bind_mapper.local_table if state.bind_mapper is not None else None
    there = (
        place in switchboard.shards
        if switchboard.is_sharded(table)
        else place == switchboard.place_of_group(group_of(table))
    )
    if not there:
        raise Misplaced(
            "VX431",
            f"a relationship leads to {table}, which is in another database than its row",
            hint="Ask for the other rows by themselves.",
        )


def _place_of_many(session: RoutedSession, state: ORMExecuteState) -> tuple[str, int | None]:
    """Where new rows, given as the values of each, are to be written: all to one shard."""
    mapper, rows = state.bind_mapper, state.parameters
    if mapper is None or not isinstance(rows, list) or not rows:
        raise refused("an insert() into a sharded table", "Use db.add(row) or db.insert_many(rows).")
    table: Any = mapper.local_table
    found: Any = sharded(table)
    name_of = {attribute.key: attribute.columns[0].name for attribute in mapper.column_attrs}
    own = next((key for key, name in name_of.items() if name == found.own_id), None)
    place: tuple[str, int | None] = (MAIN, None)
    for row in rows:
        values = {name_of.get(key, key): value for key, value in row.items()}
        place = session.write_row(table, values)
        if (made := found.settle(values)) is not None and own is not None:
            row[own] = made
    return place


def _scattered(state: ORMExecuteState, switchboard: Switchboard) -> Any:
    """The answer of all shards, as one."""
    if state.execution_options.get("yield_per") or state.execution_options.get("stream_results"):
        raise refused("a stream", "Stream the rows of one shard key, or read them in pages.")
    merge = _merge(state.statement, switchboard)
    parts: list[Sequence[Any]] = []
    names: list[str] = []
    version = switchboard.ledger.version
    for shard in switchboard.shards:
        result: Any = state.invoke_statement(
            statement=without_strays(merge.each, switchboard.ledger.strays(shard)).options(_At(shard)),
            bind_arguments={**state.bind_arguments, "place": shard},
        )
        names = list(result.keys())
        parts.append(all_rows(result))
    await_only(switchboard.freshen())
    if switchboard.ledger.version != version:
        raise busy_moving()
    return named_rows(names[: merge.width], merge.merge(parts))


def _merge(statement: Any, switchboard: Switchboard) -> Merge:
    if is_locking(statement):
        raise refused("for update", "Lock rows of one shard key.")
    dialect = switchboard.lanes_of(switchboard.shards[0]).read.dialect.name
    return merging(statement, dialect)


class RoutedLane:
    """A Reader's way to several databases.

    Args:
        switchboard: Which.
        main: The way to the main one.
    """

    def __init__(self, switchboard: Switchboard, main: Reads) -> None:
        self._switchboard = switchboard
        self._main = main

    async def get(self, model: type[Any], key: Any) -> Any:
        async def read() -> Any:
            return await (await self._lane_of_key(model, key)).get(model, key)

        return await self._steadily(read)

    async def get_with(self, model: type[Any], key: Any, options: list[Any]) -> Any:
        async def read() -> Any:
            return await (await self._lane_of_key(model, key)).get_with(model, key, options)

        return await self._steadily(read)

    async def run(self, statement: Any, params: Mapping[str, Any] | None) -> Rows[Any]:
        async def read() -> Rows[Any]:
            lane = await self._lane_of(statement, params)
            return await self._run_everywhere(statement, params) if lane is None else await lane.run(statement, params)

        return await self._steadily(read)

    async def page(self, statement: Any, query: PageQuery[Any]) -> Page[Any]:
        async def read() -> Page[Any]:
            lane = await self._lane_of(statement, None)
            return await self._page_everywhere(statement, query) if lane is None else await lane.page(statement, query)

        return await self._steadily(read)

    async def json(self, statement: Any, shown: Shown, params: Mapping[str, Any] | None) -> bytes:
        async def read() -> bytes:
            lane = await self._lane_of(statement, params)
            if lane is None:
                raise refused("json()", "Read the rows of one shard key, or use exec().")
            return await lane.json(statement, shown, params)

        return await self._steadily(read)

    def ordinary(self) -> OrdinaryReader:
        engine = self._switchboard.lanes_of(MAIN).read
        return _RoutedReader(
            engine, switchboard=self._switchboard, expire_on_commit=False, autoflush=False, close_resets_only=False
        )

    async def _lane_of(self, statement: Any, params: Any) -> Reads | None:
        await self._switchboard.freshen()
        scatter = bool(statement.get_execution_options().get(SCATTER))
        place, _ = self._switchboard.place_of(statement, params, scatter=scatter)
        return None if place is None else self._lane_at(place)

    async def _lane_of_key(self, model: type[Any], key: Any) -> Reads:
        await self._switchboard.freshen()
        return self._lane_at(self._switchboard.place_of_key(model, key))

    def _lane_at(self, place: str) -> Reads:
        lane: ReadLane = self._switchboard.lanes_of(place).reading
        return self._main if place == MAIN else lane

    async def _page_everywhere(self, statement: Any, query: PageQuery[Any]) -> Page[Any]:
        items = list(await self._run_everywhere(sliced(statement, query, query.limit, query.offset), None))
        total = total_of(items, query)
        if total is None:
            ((total,),) = await self._merged(count_of(statement), None)
        return page_with(items, total, query)

    async def _run_everywhere(self, statement: Any, params: Any) -> Rows[Any]:
        rows = await self._merged(statement, params)
        return Rows(row[0] for row in rows) if isinstance(statement, SelectOfScalar) else Rows(rows)

    async def _merged(self, statement: Any, params: Any) -> list[Any]:
        """The rows of the answer, each a tuple with names."""
        merge = _merge(statement, self._switchboard)
        parts = await self._ask_all(merge, params)
        names = next((part[0]._fields for part in parts if part), ())
        return list(named_rows(list(names)[: merge.width], merge.merge(parts)).all())

    async def _ask_all(self, merge: Merge, params: Any) -> list[Rows[Any]]:
        shards, ledger = self._switchboard.shards, self._switchboard.ledger
        asked = [
            self._switchboard.lanes_of(shard).reading.run(without_strays(merge.each, ledger.strays(shard)), params)
            for shard in shards
        ]
        return list(await asyncio.gather(*asked))

    async def _steadily(self, read: Callable[[], Awaitable[T]]) -> T:
        """What ``read`` reads while no bucket changes its shard; what took long is looked at again."""
        for _ in range(_TRIES):
            version = self._switchboard.ledger.version
            answer = await read()
            await self._switchboard.freshen()
            if self._switchboard.ledger.version == version:
                return answer
        raise busy_moving()


class RoutedGroup:
    """A Writer's way to several databases. Rows for shards are committed one by one: each is checked by its shard.

    Args:
        switchboard: Which.
        wait_s: Seconds to wait for a bucket that is being moved.
    """

    def __init__(self, switchboard: Switchboard, wait_s: float) -> None:
        self._switchboard = switchboard
        self._wait_s = wait_s

    async def insert(self, row: Any, asker: Asker | None = None) -> None:
        """Write ``row`` on behalf of ``asker``, and commit it."""
        table = row.__mapper__.local_table
        if not self._switchboard.is_sharded(table):
            group = self._switchboard.lanes_of(self._switchboard.place_of_group(group_of(table))).group
            await group.insert(row, asker)
            return
        engine = self._switchboard.lanes_of(MAIN).write
        with behalf(asker):
            async with _RowSession(
                engine, switchboard=self._switchboard, wait_s=self._wait_s, expire_on_commit=False, autoflush=False
            ) as session:
                session.add(row)
                await session.commit()


class _RowSession(AsyncSession):
    sync_session_class = RoutedSession
