"""Models in another database: who gets what from where, and what no two databases can do together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy import update

from tests.sharded_models import Base, Event, Note
from velox.db import Database, PageQuery, col, func, select
from velox.db.shards.sharded import Misplaced
from velox.errors import ConfigurationError

pytestmark = pytest.mark.anyio


async def tables_of(database: Database) -> set[str]:
    """Those of the models that are there."""
    return set(Base.metadata.tables) - set(await database.alone().missing_tables(Base.metadata))


async def add(database: Database, *rows: object) -> None:
    """Write rows in one session."""
    async with database.session() as db:
        for row in rows:
            await db.add(row)


async def test_each_table_is_made_in_its_own_database(either: Database) -> None:
    assert await tables_of(either) == {"note"}
    assert await tables_of(either.others["analytics"]) == {"event"}
    assert await tables_of(either.others["s2"]) == {"order", "item", "setting"}
    assert await either.missing_tables(Base.metadata) == []
    assert await either.create_tables(Base.metadata) == []


async def test_a_row_is_written_and_read_where_its_model_is(either: Database) -> None:
    """By Session, Writer and Reader alike; the user's code names no database."""
    async with either.session() as db:
        event = await db.add(Event(name="seen"))
        assert (await db.exec(select(Event).where(Event.name == "seen"))).one() is event
        assert await db.get(Event, event.id) is event
        await db.insert_many([Event(name="many"), Event(name="many")])
        await db.exec(update(Event).where(col(Event.name) == "many").values(name="most"))
        await db.upsert([Event(id=event.id, name="again")], on=["id"])
    async with either.writer() as writer:
        await writer.add(Event(name="grouped"))
    async with either.reader() as db:
        assert (await db.one(select(func.count()).select_from(Event))) == 4
        assert (await db.page(select(Event).order_by(col(Event.id)), PageQuery[Event](limit=2))).total == 4
        assert {row.name async for row in db.stream(select(Event))} == {"again", "most", "grouped"}
        found = await db.get(Event, event.id)
        assert found is not None
        assert found.name == "again"
    async with either.others["analytics"].connection() as connection:
        assert await connection.scalar(sql("SELECT count(*) FROM event")) == 4


async def test_a_session_reads_from_all_databases_and_writes_to_one(files: Database) -> None:
    """The first write says which; the second, elsewhere, is refused, and the first is undone with it."""
    async with files.session() as db:
        await db.add(Note(text="kept"))
        assert (await db.exec(select(Event))).all() == []
    with pytest.raises(Misplaced, match=r"VX432 this session has written to the main database, .* to 'analytics'"):
        await add(files, Note(text="lost"), Event(name="lost"))
    async with files.reader() as db:
        assert [note.text for note in await db.exec(select(Note))] == ["kept"]
        assert await db.exec(select(Event)) == []


async def test_after_a_commit_a_session_may_write_elsewhere(files: Database) -> None:
    async with files.session() as db:
        await db.add(Note(text="one"))
        await db.commit()
        await db.add(Event(name="other"))
    async with files.reader() as db:
        assert len(await db.exec(select(Note))) == len(await db.exec(select(Event))) == 1


async def test_a_connection_and_written_sql_are_for_the_main_database(files: Database) -> None:
    """A job is enqueued on such a connection: not in the middle of what another database commits."""
    async with files.session() as db:
        run: Any = db.exec
        await run(sql("INSERT INTO note (text) VALUES ('by hand')"))
        assert (await run(sql("SELECT count(*) FROM note"))).scalar_one() == 1
        await db.commit()
        await db.add(Event(name="first"))
        with pytest.raises(Misplaced, match="VX432"):
            await run(sql("DELETE FROM note"))
        with pytest.raises(Misplaced, match="VX432"):
            _ = await db.connection()


@pytest.mark.parametrize(
    "statement",
    [
        select(Note, Event),
        select(Note).join(Event, col(Event.id) == Note.id),
        select(Note).where(col(Note.id).in_(select(Event.id))),
        select(Note).where(select(Event.id).where(Event.name == Note.text).exists()),
        select(Note.id).union(select(Event.id)),
        update(Note).values(text="x").where(col(Note.id).in_(select(Event.id))),
    ],
)
async def test_a_statement_over_two_databases_is_refused_with_both_tables(files: Database, statement: object) -> None:
    with pytest.raises(Misplaced, match=r"VX431 .*(note.*event|event.*note)"):
        async with files.session() as db:
            await db.exec(statement)  # type: ignore[call-overload]


async def test_readiness_names_the_database_that_is_away(tmp_path: Path) -> None:
    urls = {"analytics": f"sqlite:///{tmp_path}/a.db"}
    database = Database(f"sqlite:///{tmp_path}/main.db", databases=urls)
    await database.start()
    assert await database.ready() is None
    await database.others["analytics"].stop()
    assert await database.ready() == "analytics: the database is not open"
    await database.stop()


async def test_a_database_that_cannot_be_opened_leaves_none_open(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/main.db", databases={"analytics": f"sqlite:///{tmp_path}/no/a.db"})
    with pytest.raises(ConfigurationError, match="VX402"):
        await database.start()
    assert await database.ready() == "the database is not open"


async def test_isolated_undoes_in_every_database(files: Database) -> None:
    async with files.isolated():
        async with files.session() as db:
            await db.add(Note(text="gone"))
        async with files.session() as db:
            await db.add(Event(name="gone"))
        async with files.reader() as db:
            assert len(await db.exec(select(Event))) == len(await db.exec(select(Note))) == 1
    async with files.reader() as db:
        assert await db.exec(select(Event)) == []
        assert await db.exec(select(Note)) == []
