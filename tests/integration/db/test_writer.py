"""``Writer``: rows of many requests in one commit, and each as if alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import InvalidRequestError

from velox.db import Database, Field, Model, Relationship, col, select
from velox.errors import Conflict, ValidationProblem


class WriterTeam(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=80)
    members: list[WriterMember] = Relationship(back_populates="team")


class WriterMember(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=80)
    team_id: int | None = Field(default=None, foreign_key="writerteam.id")
    team: WriterTeam | None = Relationship(back_populates="members")


async def names(database: Database) -> list[str]:
    async with database.reader() as db:
        return list(await db.exec(select(WriterTeam.name).order_by(col(WriterTeam.id))))


async def store(database: Database, row: Any, **options: Any) -> Any:
    async with database.writer() as db:
        return await db.add(row, **options)


async def test_a_stored_row_is_complete_and_committed(every: Database) -> None:
    """It stays, also when the block fails afterwards."""

    async def fail() -> None:
        async with every.writer() as db:
            team = await db.add(WriterTeam(name="red"))
            assert isinstance(team.id, int)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert ["red"] == await names(every)


async def test_rows_of_many_tasks_share_a_commit(database: Database) -> None:
    """All that are asked for while the loop is busy, and then all that come while those are written."""
    begun = 0
    engine = database._open().write.sync_engine

    @event.listens_for(engine, "begin")
    def count(_connection: Any) -> None:
        nonlocal begun
        begun += 1

    teams = await asyncio.gather(*(store(database, WriterTeam(name=f"team {n}")) for n in range(50)))
    assert begun == 1
    assert [f"team {n}" for n in range(50)] == await names(database) == [team.name for team in teams]
    assert list(range(1, 51)) == [team.id for team in teams]


async def test_a_wrong_row_fails_alone(every: Database) -> None:
    """With a problem that names its field, or its own; the others of its group are stored once."""
    await store(every, WriterTeam(name="taken"))
    rows = [*(WriterTeam(name=name) for name in ("a", "taken", "b")), WriterMember(name="m", team_id=999)]
    busy = asyncio.create_task(store(every, WriterTeam(name="first")))
    answers = await asyncio.gather(*(store(every, row) for row in rows), return_exceptions=True)
    await busy
    assert [WriterTeam, Conflict, WriterTeam, ValidationProblem] == [type(answer) for answer in answers]
    assert "name is taken." == str(answers[1])
    assert ["a", "b", "first", "taken"] == sorted(await names(every))
    with pytest.raises(Conflict, match="choose another"):
        await store(every, WriterTeam(name="a"), conflict=Conflict("choose another"))


async def test_a_row_of_a_failed_group_gets_a_key_that_is_free(database: Database) -> None:
    """The one that it had been given in the group may be another process' by then."""
    group = database._open().group
    row = WriterMember(name="m")
    before = row.__dict__.copy()
    rows = [row, WriterTeam(name="same"), WriterTeam(name="same")]
    async with database.session() as db:  # keeps the group waiting, so that it is one
        await db.add(WriterTeam(name="first"))
        asked = [asyncio.create_task(group.insert(one)) for one in [WriterTeam(name="second"), *rows]]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert before["id"] is None
    assert 1 == row.id
    assert [None, None, None] == answers[:3]
    assert answers[3] is not None
    async with database.session() as db:
        assert 1 == len((await db.exec(select(WriterMember))).all())


async def test_a_row_with_relations_brings_them_along(every: Database) -> None:
    member = await store(every, WriterMember(name="m", team=WriterTeam(name="red")))
    assert member.team_id == member.team.id
    assert isinstance(member.team_id, int)


async def test_only_new_rows_are_taken_and_only_before_the_end(either: Database) -> None:
    team = await store(either, WriterTeam(name="red"))
    with pytest.raises(InvalidRequestError, match="ask for a Session instead"):
        await store(either, team)
    async with either.writer() as db:
        pass
    with pytest.raises(InvalidRequestError, match="permanently closed"):
        await db.add(WriterTeam(name="late"))


async def test_a_cancelled_task_does_not_stop_the_others(database: Database) -> None:
    """Nor does a group wait for somebody who has gone."""
    first = asyncio.create_task(store(database, WriterTeam(name="first")))
    gone = asyncio.create_task(store(database, WriterTeam(name="gone")))
    stays = asyncio.create_task(store(database, WriterTeam(name="stays")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(first, stays)
    assert gone.cancelled()
    assert ["first", "gone", "stays"] == await names(database)


@pytest.mark.parametrize(("durability", "synchronous"), [("normal", 1), ("full", 2)])
async def test_a_commit_waits_for_the_disk_when_it_shall_survive_a_power_cut(
    tmp_path: Path, durability: Literal["normal", "full"], synchronous: int
) -> None:
    """https://www.sqlite.org/pragma.html#pragma_synchronous: NORMAL is 1, FULL is 2."""
    database = Database(f"sqlite:///{tmp_path}/test.db", durability=durability)
    await database.start()
    async with database.session() as db:
        assert synchronous == (await db.exec(text("PRAGMA synchronous"))).scalar()  # type: ignore[call-overload]
    await database.stop()


async def test_what_a_test_wrote_in_isolation_is_undone(every: Database) -> None:
    async with every.isolated():
        await asyncio.gather(store(every, WriterTeam(name="a")), store(every, WriterTeam(name="b")))
        assert ["a", "b"] == await names(every)
    assert [] == await names(every)


CHILD = """
import asyncio, sys
from velox.db import Database, Field, Model

class Killed(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str

async def main() -> None:
    database = Database(f"sqlite:///{sys.argv[1]}")
    await database.start()
    await database.create_tables()

    async def work(worker: int) -> None:
        for number in range(10**9):
            async with database.writer() as db:
                row = await db.add(Killed(name=f"{worker}-{number}"))
            print(row.name, flush=True)

    await asyncio.gather(*(work(worker) for worker in range(32)))

asyncio.run(main())
"""


def test_an_acknowledged_row_survives_the_death_of_its_process(tmp_path: Path) -> None:
    """Killed without notice, in the middle of its work: what it had answered is there, once."""
    file = tmp_path / "killed.db"
    with subprocess.Popen([sys.executable, "-c", CHILD, str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(500)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
    with closing(sqlite3.connect(file)) as raw:
        stored = [name for (name,) in raw.execute("SELECT name FROM killed")]
    assert len(set(stored)) == len(stored)
    assert set(acknowledged) <= set(stored)
    assert len(acknowledged) >= 500
