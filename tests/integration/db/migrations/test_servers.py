"""The same on the servers: what they do differently is theirs, and what a project sees is not."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from sqlalchemy import Column, Enum, ForeignKey, Integer, String, UniqueConstraint, inspect
from sqlmodel import AutoString

from velox.db import Database
from velox.db.migrations.history import Step
from velox.db.migrations.sql import statements_of
from velox.db.types import ExactDecimal, TypedJSON
from velox.db.upkeep.dumping import dump_rows
from velox.db.upkeep.loading import load_rows

pytestmark = pytest.mark.anyio


def at_first(models: Any) -> Any:
    """Two tables that share an Enum, which PostgreSQL has as a type of its own."""
    return (
        models()
        .table("owner", Column("kind", Enum("old", "new", name="kind")))
        .table(
            "link",
            Column("url", AutoString(length=100), nullable=False, index=True),
            Column("kind", Enum("old", "new", name="kind"), nullable=False),
            Column("owner_id", Integer, ForeignKey("owner.id", ondelete="CASCADE"), index=True),
            Column("note", String(20)),
        )
    )


def at_last(models: Any) -> Any:
    """A renamed column, new ones, an Enum with another member, another type, and one column less."""
    return (
        models()
        .table("owner", Column("kind", Enum("old", "new", "odd", name="kind")))
        .table(
            "link",
            Column("target", AutoString(length=120), nullable=False, index=True),
            Column("kind", Enum("old", "new", "odd", name="kind"), nullable=False),
            Column("note", Integer),
            Column("price", ExactDecimal(8, 2), nullable=False, default=1),
            Column("tags", TypedJSON(), nullable=False, default=list),
            UniqueConstraint("target", "kind"),
        )
    )


async def test_a_project_changes_everything_and_goes_back(on_server: Any, models: Any) -> None:
    story = on_server
    await story.settle(at_first(models))
    await story.execute("INSERT INTO owner (id, kind) VALUES (1, 'new')")
    await story.execute("INSERT INTO link (id, url, kind, owner_id, note) VALUES (1, 'a', 'old', 1, '7')")
    drafted = await story.settle(at_last(models), renames={"link.url": "target"})
    assert "enum kind: +odd" in [change.text for change in drafted.changes]
    assert await story.execute("SELECT target, kind, note, price FROM link") == [("a", "old", 7, 1)]
    await story.execute("INSERT INTO owner (id, kind) VALUES (2, 'odd')")
    await story.execute("DELETE FROM owner WHERE id = 2")
    await story.migrate("0001")
    assert await story.execute("SELECT url, note FROM link") == [("a", "7")]
    await story.migrate("zero")
    assert await story.tables() == set()
    async with story.database.writing_connection() as connection, connection.begin():
        enums = await connection.run_sync(lambda sync: getattr(inspect(sync), "get_enums", list)())
    assert enums == []


async def test_the_clone_is_a_database_of_the_same_server(on_server: Any, models: Any) -> None:
    assert on_server.clone.remark is None
    await on_server.make(at_first(models))
    assert await on_server.tables() == set()
    (step,) = [Step(revision, "up") for revision in on_server.history.revisions]
    statements, remark = await statements_of(on_server.database, on_server.history, step)
    assert remark is None
    assert sum(each.startswith("CREATE TABLE") for each in statements) == 2


async def test_the_second_of_two_waits_and_finds_it_done(on_server: Any) -> None:
    slow = "__import__('time').sleep(0.3); "
    for number, before in ((1, None), (2, "0001"), (3, "0002")):
        create = f'op.create_table("t{number}", sa.Column("id", sa.Integer(), primary_key=True))'
        on_server.write(f"{number:04}", slow + create, after=before)
    other = Database(on_server.database.url)
    await other.start()
    try:
        mine, theirs = await asyncio.gather(on_server.migrate(), on_server.migrate(database=other))
    finally:
        await other.stop()
    assert sorted(done.step.revision.id for done in [*mine, *theirs]) == ["0001", "0002", "0003"]


async def test_rows_of_another_server_are_loaded(on_server: Any, models: Any) -> None:
    """And the next row gets a number of its own."""
    now = at_last(models)
    await on_server.settle(now)
    dump = io.StringIO(
        '{"velox_dump":1,"migrations":["0001_create_link_and_owner"]}\n'
        '{"table":"link","columns":["id","target","kind","note","price","tags"]}\n'
        '[5,"ü","new",null,"1.50",["a"]]\n'
        '{"table":"owner","columns":["id","kind"]}\n[1,"odd"]\n[2,null]\n'
    )
    assert await load_rows(on_server.database, now.metadata, dump) == 3
    there = io.StringIO()
    assert await dump_rows(on_server.database, now.metadata, there) == 3
    assert there.getvalue() == dump.getvalue()
    await on_server.execute("INSERT INTO owner (kind) VALUES ('new')")
    assert await on_server.execute("SELECT max(id) FROM owner") == [(3,)]
