"""``Database``: opening, closing, tables, isolation."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, text

from velox.db import Database, Field, Model, Session, select
from velox.errors import ConfigurationError, NotFound
from velox.extension import Extension


class DatabaseRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int = 0


async def count(database: Database) -> int:
    async with database.reader() as db:
        return len((await db.exec(select(DatabaseRow))).all())


async def insert(database: Database) -> None:
    async with database.session() as db:
        await db.add(DatabaseRow())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_database_is_an_extension() -> None:
    """The app starts and stops it."""
    assert isinstance(Database("sqlite://"), Extension)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://host/x.db",
        "sqlite:///x.db?mode=ro",
        "oracle://me:hunter2@db/x",
        "postgresql+psycopg://me:hunter2@db/x",
        "postgresql://me:hunter2@db:many/x",
        "nonsense",
        "",
    ],
)
def test_a_url_that_is_not_supported_is_refused(url: str) -> None:
    """Before anything is opened, with the forms that are, and without its password."""
    with pytest.raises(ConfigurationError, match=r"VX401 .*sqlite:///app\.db") as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)


async def test_relative_and_absolute_files_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes are relative to the working directory, four begin at the root."""
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///relative.db", f"sqlite:///{tmp_path}/absolute.db"):
        database = Database(url)
        await database.start()
        await database.stop()
        assert url == database.display_url
    assert names(tmp_path) == {"relative.db", "absolute.db"}


async def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    """With the place and what to check."""
    (tmp_path / "not-a-database.db").write_text("just some text, and enough of it to be read as a header" * 9)
    for name in ("missing/app.db", "not-a-database.db"):
        with pytest.raises(ConfigurationError, match=r"VX402 .*cannot be opened"):
            await Database(f"sqlite:///{tmp_path}/{name}").start()


async def test_a_file_named_alone_is_looked_for_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.db").mkdir()
    for path, hint in {
        "app.db": "Check that the working directory can be written to, and that app.db is a SQLite file.",
        "missing/app.db": "Check that the directory missing exists and can be written to, "
        "and that app.db is a SQLite file.",
    }.items():
        with pytest.raises(ConfigurationError, match="VX402") as refusal:
            await Database(f"sqlite:///{path}").start()
        assert refusal.value.hint == hint


async def test_nothing_is_opened_before_the_start(tmp_path: Path) -> None:
    """The app factory also runs in commands and in the parent process."""
    database = Database(f"sqlite:///{tmp_path}/app.db")
    assert names(tmp_path) == set()
    assert await database.ready() == "the database is not open"
    with pytest.raises(RuntimeError, match="not open"):
        async with database.session():
            pass


async def test_a_file_is_in_wal_mode_with_foreign_keys(database: Database) -> None:
    """And syncs at checkpoints."""
    async with database.session() as db:
        connection = await db.connection()
        values = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        ]
    assert values == ["wal", 1, 1]


async def test_stopping_closes_everything(tmp_path: Path) -> None:
    """No connection, no thread and no warning is left."""
    before = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for url in (f"sqlite:///{tmp_path}/app.db", "sqlite://"):
            database = Database(url)
            await database.start()
            await database.create_tables()
            await asyncio.gather(*(insert(database) for _ in range(5)), *(count(database) for _ in range(5)))
            async with database.isolated():
                await insert(database)
            assert await database.ready() is None
            opened = set(threading.enumerate()) - before
            assert opened
            await database.stop()
            await database.stop()
            for thread in opened:  # it ends right after its connection
                thread.join(5)
            assert not [thread for thread in opened if thread.is_alive()]
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


async def test_a_stopped_database_can_be_started_again(every: Database) -> None:
    """As every test that starts the same app does."""
    await every.stop()
    await every.start()
    if every.url == "sqlite://":
        await every.create_tables()
    await insert(every)
    assert await count(every) == 1


async def test_missing_tables_are_created_and_named(tmp_path: Path) -> None:
    """Those that are there stay as they are."""
    metadata = MetaData()
    database = Database(f"sqlite:///{tmp_path}/app.db")
    await database.start()
    Table("one", metadata, Column("id", Integer, primary_key=True))
    assert await database.create_tables(metadata) == ["one"]
    Table("two", metadata, Column("id", Integer, primary_key=True))
    assert await database.create_tables(metadata) == ["two"]
    assert await database.create_tables(metadata) == []
    await database.stop()
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    assert found == [("one",), ("two",)]


async def test_a_file_that_is_locked_at_the_start_is_waited_for(tmp_path: Path) -> None:
    """Another worker is switching it to WAL mode, for example; but not for ever."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match=r"VX402 .*locked"):
            await Database(f"sqlite:///{path}", timeout_s=0.05).start()
        patient = Database(f"sqlite:///{path}", timeout_s=30)
        asyncio.get_running_loop().call_later(0.05, other.execute, "ROLLBACK")
        await patient.start()
    assert await patient.ready() is None
    await patient.stop()


async def test_several_workers_may_create_the_tables_at_once(tmp_path: Path) -> None:
    """Each table is created, and reported, once."""
    workers = [Database(f"sqlite:///{tmp_path}/app.db", timeout_s=30) for _ in range(4)]
    await asyncio.gather(*(worker.start() for worker in workers))
    created = await asyncio.gather(*(worker.create_tables() for worker in workers))
    for worker in workers:
        await worker.stop()
    assert sum("databaserow" in names for names in created) == 1


async def test_what_happens_in_isolation_is_undone(every: Database) -> None:
    """Commits included; inside, everybody sees it."""

    async def fail() -> None:
        async with every.session() as db:
            await db.add(DatabaseRow())
            await db.commit()
            await db.add(DatabaseRow())
            raise NotFound

    await insert(every)
    async with every.isolated():
        await insert(every)
        with pytest.raises(NotFound):
            await fail()
        assert await count(every) == 3
    assert await count(every) == 1
    await insert(every)
    assert await count(every) == 2


async def test_sessions_in_isolation_take_turns(every: Database) -> None:
    """Fifty that read and write one row lose nothing there every."""
    async with every.isolated():
        await insert(every)

        async def increment() -> None:
            async with every.session() as db:
                row = await db.one(select(DatabaseRow))
                await asyncio.sleep(0)
                row.n += 1

        await asyncio.gather(*(increment() for _ in range(50)))
        async with every.reader() as reader:
            assert (await reader.one(select(DatabaseRow))).n == 50
    assert await count(every) == 0


@pytest.mark.parametrize("turns", range(0, 30, 3))
async def test_a_task_cancelled_in_isolation_spoils_nothing(every: Database, turns: int) -> None:
    """The shared connection stays, and so does what was committed on it."""
    async with every.isolated():
        await insert(every)
        task = asyncio.create_task(insert(every))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await insert(every)
        assert await count(every) in {2, 3}
    assert await count(every) == 0


async def test_a_savepoint_works_in_isolation(every: Database) -> None:
    """``begin_nested`` inside a session inside the isolation."""

    async def fail(db: Session) -> None:
        async with db.begin_nested():
            await db.add(DatabaseRow())
            raise NotFound

    async with every.isolated():
        async with every.session() as db:
            await db.add(DatabaseRow())
            with pytest.raises(NotFound):
                await fail(db)
        assert await count(every) == 1
