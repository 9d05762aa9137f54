"""A SQLite database is copied while it is used, and a damaged one is found out."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from velox.cli.db_backup import backup
from velox.db import Database, Field, Model
from velox.errors import ConfigurationError


class BackupRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str = Field(default="", index=True)
    parent_id: int | None = Field(default=None, foreign_key="backuprow.id")


def rows(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM backuprow ORDER BY id")]


async def fill(database: Database, count: int) -> None:
    async with database.session() as db:
        await db.insert_many([BackupRow(text="x" * 100) for _ in range(count)])


async def test_a_copy_is_of_one_moment_and_keeps_nobody_waiting(either: Database, tmp_path: Path) -> None:
    """Pairs are written in one transaction each, all the while: a copy has both or none."""
    await fill(either, 2_000)
    stop = asyncio.Event()

    async def write_pairs() -> int:
        written = 0
        while not stop.is_set():
            await fill(either, 2)
            written += 1
        return written

    writing = asyncio.create_task(write_pairs())
    for number in range(5):
        await either.backup(tmp_path / f"copy{number}.db")
    stop.set()
    assert await writing > 0
    counts = [len(rows(tmp_path / f"copy{number}.db")) for number in range(5)]
    assert all(count >= 2_000 and count % 2 == 0 for count in counts)
    assert sorted(counts) == counts
    left = {name for name in os.listdir(tmp_path) if "copy" in name}  # noqa: PTH208 - no Path in a coroutine
    assert left == {f"copy{number}.db" for number in range(5)}


async def test_a_copy_replaces_an_older_one_only_when_it_is_whole(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    await fill(database, 1)
    await database.backup(target)
    await fill(database, 1)
    await database.backup(target)
    assert rows(target) == [1, 2]
    assert target.stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigurationError, match=r"VX415 .*cannot be copied"):
        await database.backup(tmp_path / "missing" / "copy.db")


async def test_a_database_in_memory_is_not_copied_in_the_middle_of_a_test(tmp_path: Path) -> None:
    """Its only connection is in the test's transaction."""
    database = Database("sqlite://")
    await database.start()
    async with database.isolated():
        with pytest.raises(ConfigurationError, match=r"VX415 .*a transaction is open"):
            await database.backup(tmp_path / "copy.db")
    await database.stop()


async def damaged(path: Path) -> Database:
    """A database one of whose indexes misses a row."""
    database = Database(f"sqlite:///{path}")
    await database.start()
    await database.create_tables()
    await fill(database, 10)
    await database.stop()
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("CREATE TABLE aside (sql TEXT)")
        raw.execute("INSERT INTO aside SELECT sql FROM sqlite_master WHERE name = 'ix_backuprow_text'")
        raw.execute("UPDATE sqlite_master SET sql = sql || ' WHERE id < 0' WHERE name = 'ix_backuprow_text'")
    await database.start()
    return database


async def test_a_damaged_file_is_found_out_and_never_copied_over_a_sound_one(tmp_path: Path) -> None:
    database = await damaged(tmp_path / "app.db")
    (tmp_path / "copy.db").write_text("precious")
    assert await database.faults() != []
    with pytest.raises(ConfigurationError, match="VX415") as caught:
        await database.backup(tmp_path / "copy.db")
    assert "older copy" in caught.value.hint
    await database.stop()
    assert (tmp_path / "copy.db").read_text() == "precious"


async def test_a_reference_to_nothing_is_a_fault(database: Database, tmp_path: Path) -> None:
    assert await database.faults() == []
    with closing(sqlite3.connect(tmp_path / "test.db", isolation_level=None)) as raw:
        raw.execute("INSERT INTO backuprow (id, text, parent_id) VALUES (1, 'a', 99)")
    assert await database.faults() == ["row 1 of backuprow refers to a row of backuprow that is not there"]


async def test_a_server_has_a_tool_of_its_own(server: Database, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"VX415 .*dump"):
        await server.backup(tmp_path / "copy.db")
    assert await server.faults() == []


def test_the_command_copies_the_projects_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text(
        "from velox import Velox\n\n\ndef create_app() -> Velox:\n    return Velox('backed')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    answer = CliRunner().invoke(backup, ["copy.db"], catch_exceptions=False)
    assert answer.output.startswith("sqlite:///app.db is in copy.db (")
    assert (tmp_path / "copy.db").is_file()
