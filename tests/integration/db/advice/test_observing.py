"""Who listens to a database hears each statement of each lane, and with it the line that asked."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import pytest

from velox import Settings, Velox
from velox.db import Database, Field, Model, Reader, Relationship, Session, Writer, col, select
from velox.db.advice.repeated import Repeated, remedy
from velox.db.advice.slow import SlowLog
from velox.db.advice.workload import Recorder, Workload
from velox.db.observing import Seen
from velox.testing import TestClient


class SeenTeam(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    players: list[SeenPlayer] = Relationship(back_populates="team")


class SeenPlayer(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    team_id: int = Field(foreign_key="seenteam.id")
    team: SeenTeam = Relationship(back_populates="players")


async def one_of_each_lane(database: Database) -> None:
    async with database.session() as session:
        team = await session.add(SeenTeam(name="a"))
        await session.exec(select(SeenTeam))
    async with database.reader() as reader:
        await reader.get(SeenTeam, team.id)
        assert [row.name async for row in reader.stream(select(SeenTeam))] == ["a"]
    async with database.writer() as writer:
        await writer.add(SeenTeam(name="b"))


async def test_every_lane_is_heard_with_its_place(every: Database) -> None:
    """Session, Reader in the loop and streaming, Writer's groups: told once, with a line of this file."""
    seen: list[Seen] = []
    with every.listening(seen.append):
        await one_of_each_lane(every)
    assert ["INSERT", "SELECT", "SELECT", "SELECT", "INSERT"] == [one.sql.split()[0] for one in seen]
    assert {Path(__file__).name} == {Path(str(one.place).rpartition(":")[0]).name for one in seen}
    assert len({one.place for one in seen}) == 5
    assert all(one.unit is not None and one.elapsed_s > 0 for one in seen)


async def test_nobody_is_told_after_the_block(either: Database) -> None:
    seen: list[Seen] = []
    with either.listening(seen.append):
        pass
    await one_of_each_lane(either)
    assert seen == []


async def test_what_tests_undo_is_heard_too(every: Database) -> None:
    seen: list[Seen] = []
    with every.listening(seen.append):
        async with every.isolated():
            await one_of_each_lane(every)
    assert len(seen) == 5


async def test_a_slow_statement_is_logged_with_its_plan_once(every: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Here every statement is slow. The plan names the table that is read as a whole."""
    slow = SlowLog(every, 1e-9)
    with caplog.at_level(logging.WARNING, "velox.db"), every.listening(slow):
        for _ in range(2):
            async with every.reader() as db:
                await db.exec(select(SeenPlayer).where(SeenPlayer.name == "x"))
        await slow.close()
    first, second = sorted((record.getMessage() for record in caplog.records), key=len, reverse=True)
    assert f"{Path(__file__).name}:" in second
    assert "velox db advise" in first
    assert "velox db advise" not in second


async def test_a_loop_of_gets_is_reported_with_its_line_and_remedy(
    either: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """N+1 through the fast lane: one line in the log, however often."""
    with caplog.at_level(logging.WARNING, "velox.db"), either.listening(Repeated(5)):
        for _ in range(2):
            async with either.reader() as db:
                for key in range(7):
                    await db.get(SeenTeam, key)
    (record,) = caplog.records
    assert "test_observing.py:" in record.getMessage()
    assert "load=[SeenPlayer.team]" in record.getMessage()


async def test_few_or_different_statements_are_no_loop(either: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "velox.db"), either.listening(Repeated(5)):
        for _ in range(8):
            async with either.reader() as db:
                await db.get(SeenTeam, 1)
                await db.exec(select(SeenPlayer).where(col(SeenPlayer.id).in_([1, 2])))
    assert caplog.records == []


async def test_a_loop_of_adds_is_reported_of_a_writer_too(either: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "velox.db"), either.listening(Repeated(5)):
        async with either.writer() as db:
            for number in range(6):
                await db.add(SeenTeam(name=str(number)))
    (record,) = caplog.records
    assert "insert_many" in record.getMessage()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT seenplayer.id FROM seenplayer WHERE seenplayer.team_id = ?", "load=[SeenTeam.players]"),
        ("SELECT `seenteam`.id FROM `seenteam` WHERE `seenteam`.id = %s", "load=[SeenPlayer.team]"),
        ("SELECT seenteam.id FROM seenteam WHERE seenteam.name = ?", ".in_(keys)"),
        ("UPDATE seenteam SET name=? WHERE seenteam.id = ?", "update(SeenTeam)"),
    ],
)
def test_the_remedy_names_the_relationship(sql: str, expected: str) -> None:
    assert expected in remedy(sql)


async def test_a_workload_survives_its_file(every: Database, tmp_path: Path) -> None:
    """Kinds, counts and values are as before, from two processes' files in one."""
    file = tmp_path / "made" / "workload.jsonl"
    for _ in range(2):
        recorder = Recorder(file)
        with every.listening(recorder):
            async with every.reader() as db:
                for keys in ([1], [1, 2], [3, 4]):
                    await db.exec(select(SeenTeam).where(col(SeenTeam.id).in_(keys), SeenTeam.name == "é"))
        await recorder.close()
    (kind,) = Workload.read(file)
    assert file.stat().st_mode & 0o077 == 0  # it holds values
    assert kind.count == 6
    assert {1, "é"} in [set(sample) for sample in kind.samples]
    assert "test_observing.py" in str(kind.place)


async def test_an_app_listens_in_dev_only(tmp_path: Path) -> None:
    """In dev a request is remembered; elsewhere nothing listens unless a setting asks for it."""

    async def read(db: Reader, session: Session, writer: Writer) -> int:
        return len(await db.exec(select(SeenTeam)))

    cases: list[tuple[Literal["dev", "test"], str | None, int]] = [
        ("test", None, 0),
        ("test", "w.jsonl", 1),
        ("dev", "v.jsonl", 1),
    ]
    for env, file, kept in cases:
        place = str(tmp_path / file) if file else None
        app = Velox(
            f"observed_{env}_{kept}",
            settings=Settings(
                env=env, database_url=f"sqlite:///{tmp_path}/test.db", create_tables=True, database_workload=place
            ),
        )
        app.get("/teams")(read)
        async with TestClient(app) as client:
            assert (await client.get("/teams")).status_code == 200
        found = Workload.read(Path(place)) if place else Workload()
        assert len([kind for kind in found if "seenteam" in kind.sql]) == kept
