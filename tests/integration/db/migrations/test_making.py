"""From changed models to a migration that works."""

from __future__ import annotations

import asyncio
import enum
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, DateTime, Enum, ForeignKey, Index, Integer, Numeric, String, Text, UniqueConstraint
from sqlmodel import AutoString

from velox.db.types import ExactDecimal, TypedJSON
from velox.errors import ConfigurationError

pytestmark = pytest.mark.anyio


async def test_the_first_migration_makes_the_tables(story: Any, models: Any) -> None:
    now = models().table("link", Column("url", AutoString(length=100), nullable=False), Column("tags", TypedJSON()))
    drafted = await story.settle(now)
    assert drafted.title == "Create link"
    assert "from sqlmodel import AutoString" in story.source("0001")
    assert await story.tables() == {"link"}


async def test_nothing_changed_makes_no_migration(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("url", String(100))))
    assert await story.draft(models().table("link", Column("url", String(100)))) is None


async def test_the_projects_database_is_not_needed_to_compare(story: Any, models: Any) -> None:
    """Two migrations can be written before the first is applied."""
    await story.make(models().table("link"))
    await story.make(models().table("link", Column("url", String(100))))
    assert [each.id for each in story.history.revisions] == ["0001_create_link", "0002_add_url_to_link"]
    assert await story.tables() == set()


async def test_a_migration_is_formatted_and_linted_like_the_rest_of_a_project(story: Any, models: Any) -> None:
    wide: list[Column[Any]] = [
        Column(f"a_column_with_a_rather_long_name_{number}", ExactDecimal(12, 2)) for number in range(4)
    ]
    owner = Column("owner_id", Integer, ForeignKey("owner.id", ondelete="CASCADE"), index=True)
    kind: Column[Any] = Column("kind", Enum("it's", 'so "called"', "a, b", ")", name="kind"))
    await story.make(models().table("owner"))
    await story.make(models().table("owner").table("link", *wide, owner, kind, UniqueConstraint("owner_id", "kind")))
    rules = "B,C4,E,F,I,N,PT,RET,RUF,SIM,UP,W"
    ruff = [sys.executable, "-m", "ruff"]
    for command in ("format", "--diff"), ("check", "--select", rules):
        done = await asyncio.create_subprocess_exec(
            *ruff, *command, "--isolated", "--line-length", "120", ".", cwd=story.folder, stdout=subprocess.PIPE
        )
        output, _ = await done.communicate()
        assert done.returncode == 0, output.decode()


async def test_a_new_column_gives_existing_rows_the_models_default(story: Any, models: Any) -> None:
    await story.settle(models().table("link"))
    await story.execute("INSERT INTO link (id) VALUES (1)")
    Color = enum.Enum("Color", ["red", "blue"])  # noqa: N806
    drafted = await story.settle(
        models().table(
            "link",
            Column("hits", Integer, nullable=False, default=3),
            Column("color", Enum(Color), nullable=False, default=Color.blue),
            Column("price", ExactDecimal(8, 2), nullable=False, default=0),
            Column("tags", TypedJSON(list[str]), nullable=False, default=list),
            Column("created_at", DateTime, nullable=False, default=lambda: datetime.now(UTC)),
        )
    )
    ((hits, color, price, tags, created_at),) = await story.execute(
        "SELECT hits, color, price, tags, created_at FROM link"
    )
    assert (hits, color, price, tags) == (3, "blue", 0.0, "[]")
    assert abs(datetime.fromisoformat(created_at) - datetime.now(UTC).replace(tzinfo=None)).total_seconds() < 60
    assert "existing rows get 3 in link.hits" in drafted.notes


async def test_without_a_default_the_author_is_asked(story: Any, models: Any) -> None:
    await story.settle(models().table("link"))
    now = models().table("link", Column("url", String(100), nullable=False))
    with pytest.raises(ConfigurationError, match=r"link.url must not be empty.*--default link.url=VALUE") as refused:
        await story.make(now)
    assert refused.value.code == "VX410"
    await story.execute("INSERT INTO link (id) VALUES (1)")
    await story.settle(now, ask_default=lambda column: f"https://example.com/{column}")
    assert await story.execute("SELECT url FROM link") == [("https://example.com/link.url",)]


async def test_a_default_that_does_not_fit_is_refused(story: Any, models: Any) -> None:
    await story.settle(models().table("link"))
    with pytest.raises(ConfigurationError, match=r"'many' is no value for link.hits"):
        await story.make(
            models().table("link", Column("hits", Integer, nullable=False)), defaults={"link.hits": "many"}
        )


async def test_a_column_that_must_not_be_empty_any_more_is_filled(story: Any, models: Any) -> None:
    await story.settle(models().table("order", Column("note", String(100))))
    await story.execute("""INSERT INTO "order" (id, note) VALUES (1, NULL), (2, 'kept')""")
    await story.settle(
        models().table("order", Column("note", String(100), nullable=False)), defaults={"order.note": "it's empty"}
    )
    assert await story.execute('SELECT note FROM "order" ORDER BY id') == [("it's empty",), ("kept",)]


async def test_a_declared_rename_keeps_what_is_in_the_column(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("url", AutoString(), nullable=False, index=True)))
    await story.execute("INSERT INTO link (id, url) VALUES (1, 'https://example.com')")
    after = models().table("link", Column("target", AutoString(), nullable=False, index=True))
    with pytest.raises(ConfigurationError, match=r"link.url is gone and link.target is new.*--rename link.url:target"):
        await story.make(after)
    await story.settle(after, renames={"link.url": "target"})
    assert await story.execute("SELECT target FROM link") == [("https://example.com",)]
    assert "drop_column" not in story.source("0002")
    await story.migrate("0001")
    assert await story.execute("SELECT url FROM link") == [("https://example.com",)]


async def test_a_table_and_its_column_are_renamed_at_once(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("url", String(100))))
    await story.execute("INSERT INTO link (id, url) VALUES (1, 'https://example.com')")
    asked = []

    def yes(old: str, new: str) -> bool:
        asked.append((old, new))
        return True

    await story.settle(models().table("short_link", Column("url", String(100))), ask_rename=yes)
    assert asked == [("link", "short_link")]
    assert await story.execute("SELECT url FROM short_link") == [("https://example.com",)]


async def test_what_was_not_renamed_is_dropped_and_said_to_be(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("url", String(100))))
    drafted = await story.settle(models().table("link", Column("target", String(100))), keeps_apart=True)
    assert "data loss: column link.url is dropped with what is in it" in drafted.warnings


async def test_a_rename_that_is_none_is_refused(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("url", String(100))))
    with pytest.raises(ConfigurationError, match=r"link.url is not renamed to target"):
        await story.draft(models().table("link", Column("url", String(100))), renames={"link.url": "target"})


async def test_models_that_were_not_found_do_not_drop_everything(story: Any, models: Any) -> None:
    await story.settle(models().table("link").table("owner"))
    with pytest.raises(ConfigurationError, match=r"every table \(link, owner\): no model was found"):
        await story.draft(models())
    await story.settle(models(), allow_empty=True)
    assert await story.tables() == set()


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        (String(100), String(50), "data loss: link.x becomes shorter (100 to 50)"),
        (Text(), String(50), "data loss: link.x becomes shorter (any length to 50)"),
        (ExactDecimal(12, 2), ExactDecimal(8, 2), "data loss: link.x becomes fewer digits (12,2 to 8,2)"),
        (Numeric(8, 2), Numeric(8, 4), "data loss: link.x becomes fewer digits (8,2 to 8,4)"),
        (String(20), Integer(), "data loss: link.x becomes INTEGER instead of VARCHAR(20)"),
        (Enum("a", "b", name="kind"), Enum("a", name="kind"), "data loss: link.x becomes an enum without b"),
        (ExactDecimal(8, 2), ExactDecimal(12, 2), "lock: on PostgreSQL, link is rewritten"),
    ],
)
async def test_a_change_of_type_says_what_it_costs(
    story: Any, models: Any, before: Any, after: Any, warning: str
) -> None:
    await story.settle(models().table("link", Column("x", before)))
    drafted = await story.settle(models().table("link", Column("x", after)))
    assert any(each.startswith(warning) for each in drafted.warnings), drafted.warnings


async def test_a_longer_text_costs_nothing(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("x", String(50))))
    assert (await story.settle(models().table("link", Column("x", String(100))))).warnings == []


async def test_a_reference_without_an_index_is_told_of(story: Any, models: Any) -> None:
    reference = Column("owner_id", Integer, ForeignKey("owner.id"))
    drafted = await story.settle(models().table("owner").table("link", reference))
    assert [each.partition(" and has no index")[0] for each in drafted.warnings] == ["link.owner_id refers to owner"]


@pytest.mark.parametrize(
    "leading",
    [{"index": True}, {"unique": True}, {}],
)
async def test_a_reference_that_leads_an_index_is_not(story: Any, models: Any, leading: dict[str, Any]) -> None:
    items = [Column("owner_id", Integer, ForeignKey("owner.id"), **leading), Column("b", Integer)]
    several = [] if leading else [Index("i", "owner_id", "b")]
    assert (await story.settle(models().table("owner").table("link", *items, *several))).warnings == []


async def test_an_index_on_a_table_that_is_there_locks_it(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("url", String(100))))
    drafted = await story.settle(models().table("link", Column("url", String(100), index=True)))
    assert [each.partition(" while")[0] for each in drafted.warnings] == ["lock: on PostgreSQL, nobody writes to link"]
    assert 'op.create_index("ix_link_url", "link", ["url"])' in story.source("0002")


async def test_an_enum_gets_a_member_that_sqlite_would_not_show(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("kind", Enum("old", "new", name="kind"))))
    await story.execute("INSERT INTO link (id, kind) VALUES (1, 'old')")
    drafted = await story.settle(models().table("link", Column("kind", Enum("old", "new", "odd", name="kind"))))
    assert [change.text for change in drafted.changes] == ["enum kind: +odd"]
    assert 'change_enum("kind", ["old", "new", "odd"], columns=["link.kind"])' in story.source("0002")
    assert await story.draft(models().table("link", Column("kind", Enum("old", "new", "odd", name="kind")))) is None


async def test_an_enum_is_remembered_while_sqlite_makes_its_table_anew(story: Any, models: Any) -> None:
    kind = ("kind", Enum("old", "new", name="kind"))
    await story.settle(models().table("link", Column(*kind), Column("x", Integer)))
    await story.settle(models().table("link", Column(*kind)))
    await story.settle(models().table("link", Column("sort", kind[1])), renames={"link.kind": "sort"})
    longer = models().table("link", Column("sort", Enum("old", "new", "odd", name="kind")))
    assert [change.text for change in (await story.settle(longer)).changes] == ["enum kind: +odd"]


async def test_a_unique_constraint_without_a_name_of_its_own_can_be_dropped(story: Any, models: Any) -> None:
    await story.settle(models().table("link", Column("url", String(100), unique=True)))
    await story.execute("INSERT INTO link (id, url) VALUES (1, 'a')")
    await story.settle(models().table("link", Column("url", String(100))))
    await story.execute("INSERT INTO link (id, url) VALUES (2, 'a')")


async def test_rows_that_refer_to_a_table_survive_its_being_made_anew(story: Any, models: Any) -> None:
    """SQLite drops the old table, which would cascade to the rows that refer to it."""
    reference = Column("owner_id", Integer, ForeignKey("owner.id", ondelete="CASCADE"), index=True)
    await story.settle(models().table("owner", Column("name", String(50))).table("link", reference))
    await story.execute("INSERT INTO owner (id, name) VALUES (1, 'Ada')")
    await story.execute("INSERT INTO link (id, owner_id) VALUES (1, 1)")
    again = Column("owner_id", Integer, ForeignKey("owner.id", ondelete="CASCADE"), index=True)
    await story.settle(models().table("owner", Column("name", String(80))).table("link", again))
    assert await story.execute("SELECT owner_id FROM link") == [(1,)]
    await story.execute("DELETE FROM owner")
    assert await story.execute("SELECT owner_id FROM link") == []


async def test_several_newest_migrations_are_explained(story: Any, models: Any, tmp_path: Path) -> None:
    story.write("0001_first", 'op.create_table("link", sa.Column("id", sa.Integer(), primary_key=True))')
    story.write("0002_mine", "pass", after="0001_first")
    story.write("0002_yours", "pass", after="0001_first")
    with pytest.raises(ConfigurationError, match=r"0002_mine and 0002_yours come after the same.*--merge") as refused:
        await story.draft(models())
    assert refused.value.code == "VX405"
