"""``Reader``: rows that belong to nobody, and a budget in the event loop. Its results: ``tests/properties``."""

from __future__ import annotations

import asyncio
import copy
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import InvalidRequestError, MultipleResultsFound, NoResultFound, StatementError
from sqlalchemy.orm import aliased
from sqlmodel import bindparam

from velox.db import Database, Field, Model, NotLoaded, ReadOnly, Relationship, col, func, select, selectinload
from velox.db.inline import BUDGET_S, Inline
from velox.db.statements import Statements
from velox.errors import NotFound


class ReaderTeam(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    members: list[ReaderMember] = Relationship(back_populates="team")


class ReaderMember(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    team_id: int | None = Field(default=None, foreign_key="readerteam.id", index=True)
    team: ReaderTeam | None = Relationship(back_populates="members")


@pytest.fixture
async def filled(either: Database) -> Database:
    async with either.session() as db:
        team = await db.add(ReaderTeam(name="red"))
        for name in "abc":
            await db.add(ReaderMember(name=name, team_id=team.id))
    return either


async def test_a_row_of_a_reader_refuses_every_change(filled: Database) -> None:
    """An attribute set or deleted, a relationship replaced, a collection appended to; with the fix in the message."""
    async with filled.reader() as db:
        member = await db.get(ReaderMember, 1, load=[ReaderMember.team])
        team = await db.one(select(ReaderTeam), load=[ReaderTeam.members])
    assert member is not None
    with pytest.raises(ReadOnly, match=r"lose the change of ReaderMember\.name\. Ask for a Session instead"):
        member.name = "z"
    with pytest.raises(ReadOnly):
        del member.name
    with pytest.raises(ReadOnly):
        member.team = None
    with pytest.raises(ReadOnly, match=r"ReaderTeam\.members"):
        team.members.append(ReaderMember(name="z"))
    assert ("a", 3) == (member.name, len(team.members))


async def test_a_session_does_not_take_a_row_of_a_reader(filled: Database) -> None:
    """Not as such, and not as somebody's relation: it may have changed meanwhile. A copy, by ``merge``, is fine."""
    async with filled.reader() as reader:
        team = await reader.one(select(ReaderTeam))
    with pytest.raises(ReadOnly, match=r"read it again in the Session: await db.get\(ReaderTeam"):
        async with filled.session() as db:
            await db.add(team)
    with pytest.raises(ReadOnly, match=r"ReaderTeam\.members"):
        ReaderMember(name="z", team=team)
    async with filled.session() as db:
        merged = await db.merge(team)
        merged.name = "blue"
    async with filled.reader() as reader:
        assert await reader.one(select(ReaderTeam.name)) == "blue"


async def test_a_row_of_a_reader_can_be_copied_and_kept(filled: Database) -> None:
    """In a cache, for example. Its relations stay what they were: not loaded."""
    async with filled.reader() as db:
        member = await db.one(select(ReaderMember).where(ReaderMember.name == "a"))
    for kept in (copy.copy(member), pickle.loads(pickle.dumps(member)), member.model_copy()):
        assert kept == member
        assert kept.model_dump() == {"id": 1, "name": "a", "team_id": 1}
        with pytest.raises(NotLoaded):
            _ = kept.team


async def test_relations_are_loaded_when_asked_for(filled: Database) -> None:
    """By name or by a loader option, also further away; the same row is the same object."""
    async with filled.reader() as db:
        members = await db.exec(select(ReaderMember), load=[ReaderMember.team])
        deep = selectinload(ReaderMember.team).selectinload(ReaderTeam.members)  # type: ignore[arg-type]
        member = await db.one(select(ReaderMember).where(ReaderMember.id == 1), load=[deep])
        assert await db.get(ReaderMember, 99, load=[ReaderMember.team]) is None
    assert {id(one.team) for one in members} == {id(members[0].team)}
    assert member.team is not None
    assert ["a", "b", "c"] == [one.name for one in member.team.members]


async def test_a_statement_can_be_made_once_and_run_with_other_values(filled: Database) -> None:
    by_name = select(ReaderMember).where(ReaderMember.name == bindparam("name"))
    async with filled.reader() as db:
        found = [(await db.exec(by_name, params={"name": name})).one().id for name in "abc"]
        with pytest.raises(StatementError, match="'name'"):
            await db.exec(by_name)
    assert [1, 2, 3] == found


async def test_rows_answer_what_a_result_answers(filled: Database) -> None:
    async with filled.reader() as db:
        rows = await db.exec(select(ReaderMember.name).order_by(col(ReaderMember.id)))
        none = await db.exec(select(ReaderMember.name).where(ReaderMember.id == 99))
        pair = (await db.exec(select(ReaderMember.id, ReaderMember.name))).first()
        with pytest.raises(NotFound):
            await db.one(select(ReaderMember).where(ReaderMember.id == 99))
        with pytest.raises(NotFound):
            await db.one(select(ReaderMember).where(ReaderMember.id == 2**70))
    assert (["a", "b", "c"], "a") == (rows.all(), rows.first())
    assert (None, None) == (none.first(), none.one_or_none())
    assert pair is not None
    assert (1, "a") == pair == (pair.id, pair.name)  # type: ignore[union-attr]
    for question in (rows.one, rows.one_or_none):
        with pytest.raises(MultipleResultsFound):
            question()
    with pytest.raises(NoResultFound):
        none.one()


async def test_a_reader_is_of_no_use_after_its_end(filled: Database) -> None:
    async with filled.reader() as db:
        pass
    with pytest.raises(InvalidRequestError, match="permanently closed"):
        await db.get(ReaderMember, 1)


async def test_each_statement_sees_what_is_committed_meanwhile(filled: Database) -> None:
    """It is read anew: nothing is remembered."""
    async with filled.reader() as reader:
        before = await reader.get(ReaderTeam, 1)
        async with filled.session() as db:
            (await db.one(select(ReaderTeam))).name = "blue"
        after = await reader.get(ReaderTeam, 1)
    assert before is not None
    assert after is not None
    assert ("red", "blue") == (before.name, after.name)


async def longest_pause(until: asyncio.Future[Any]) -> float:
    """The longest time for which the loop did nothing else, in seconds, while ``until`` was worked on."""
    longest, last = 0.0, perf_counter()
    while not until.done():
        await asyncio.sleep(0)
        longest, last = max(longest, perf_counter() - last), perf_counter()
    return longest


async def test_a_slow_statement_is_finished_in_a_thread(database: Database) -> None:
    """The loop goes on meanwhile, and the answer is the same."""
    async with database.session() as session:
        session.sync_session.add_all([ReaderMember(name="m") for _ in range(150)])
    one, two, three = ReaderMember, aliased(ReaderMember), aliased(ReaderMember)
    slow = (
        select(func.count())
        .select_from(one)
        .join(two, col(two.name) == one.name)
        .join(three, col(three.name) == one.name)
    )
    async with database.reader() as db:
        await db.get(ReaderMember, 1)
        began = perf_counter()
        counted = asyncio.ensure_future(db.exec(slow))
        pause = await longest_pause(counted)
        took = perf_counter() - began
    assert counted.result().one() == 150**3
    # An absolute bound would measure the machine that the tests run on.
    assert pause < took / 4
    assert took > 10 * BUDGET_S


async def test_many_rows_do_not_hold_the_loop_up(database: Database) -> None:
    """They are made models a few at a time, and all of them arrive."""
    async with database.session() as session:
        session.sync_session.add_all([ReaderMember(name=str(number)) for number in range(3000)])
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with database.reader() as db:
        counting = asyncio.ensure_future(count_turns())
        rows = await db.exec(select(ReaderMember).order_by(col(ReaderMember.id)))
        counting.cancel()
    assert [str(number) for number in range(3000)] == [row.name for row in rows]
    assert turns >= 6


async def test_others_have_their_turn_between_many_statements(database: Database) -> None:
    """A handler that reads in a loop awaits each time, but nothing makes it wait."""
    turn = asyncio.Event()
    asyncio.get_running_loop().call_soon(turn.set)
    async with database.reader() as db:
        for _ in range(100):
            await db.get(ReaderMember, 1)
    assert turn.is_set()


async def test_what_cannot_be_read_at_once_is_left_to_a_thread(database: Database, tmp_path: Path) -> None:
    """A file that another process has locked is not waited for in the event loop, and an error is told in one place."""
    prepared, parameters = Statements(database._open().read.dialect).prepare(select(ReaderMember))
    sql, values = prepared.bind(parameters, None)
    file = tmp_path / "locked.db"
    inline = Inline(str(file))
    assert inline.fetch(prepared, sql, values) is None  # there is no such table
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("CREATE TABLE readermember (id INTEGER, name TEXT, team_id INTEGER)")
        other.execute("BEGIN EXCLUSIVE")  # without a write-ahead log a writer keeps readers out
        assert inline.fetch(prepared, sql, values) is None
        other.execute("ROLLBACK")
        assert inline.fetch(prepared, sql, values) == []
    inline.close()


async def test_a_statement_that_was_slow_is_not_tried_in_the_loop_for_a_while(database: Database) -> None:
    """And the while doubles each time, so that the tries cost next to nothing."""
    statement = select(ReaderMember)
    prepared, parameters = Statements(database._open().read.dialect).prepare(statement)
    sql, values = prepared.bind(parameters, None)
    inline = Inline(make_url(database.url).database or "")
    prepared.late, prepared.detour = 1, 2
    assert [None, None, []] == [inline.fetch(prepared, sql, values) for _ in range(3)]
    assert (0, 0) == (prepared.late, prepared.detour)
    inline.close()
