"""A database on its way along the history: whole steps only, whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, String

from velox.db import Database
from velox.db.migrations.moving import migrate
from velox.errors import ConfigurationError

pytestmark = pytest.mark.anyio

CREATE = 'op.create_table("{0}", sa.Column("id", sa.Integer(), primary_key=True))'
DROP = 'op.drop_table("{0}")'
PROGRAM = """
import asyncio, sys
from pathlib import Path
from velox.db import Database
from velox.db.migrations.history import History
from velox.db.migrations.moving import migrate

async def main(url: str, folder: str) -> None:
    database = Database(url)
    await database.start()
    await migrate(database, History.read(Path(folder)), report=lambda one: print(one.step.revision.id, flush=1))
    await database.stop()

asyncio.run(main(*sys.argv[1:]))
"""


def chain(story: Any, *names: str) -> None:
    """Migrations that each make a table, one after the other."""
    before = None
    for number, name in enumerate(names, 1):
        revision = f"{number:04}_{name}"
        story.write(revision, CREATE.format(name), DROP.format(name), after=before)
        before = revision


def process(story: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, story.database.url, str(story.folder)], stdout=subprocess.PIPE, text=True
    )


async def test_a_target_is_reached_from_both_sides(story: Any) -> None:
    chain(story, "one", "two", "three")
    assert [done.step.revision.id for done in await story.migrate("0002")] == ["0001_one", "0002_two"]
    await story.migrate()
    assert await story.tables() == {"one", "two", "three"}
    assert [done.step.revision.id for done in await story.migrate("0001")] == ["0003_three", "0002_two"]
    assert await story.heads() == ("0001_one",)
    await story.migrate("zero")
    assert await story.tables() == set()


async def test_branches_are_both_applied_and_taken_back_in_order(story: Any) -> None:
    chain(story, "one")
    story.write("0002_mine", CREATE.format("mine"), DROP.format("mine"), after="0001_one")
    story.write("0002_yours", CREATE.format("yours"), DROP.format("yours"), after="0001_one")
    (story.folder / "0003_merge.py").write_text(
        'down_revision = ("0002_mine", "0002_yours")\n\ndef upgrade() -> None: ...\n\ndef downgrade() -> None: ...\n'
    )
    await story.migrate("0002_mine")
    assert [done.step.revision.id for done in await story.migrate()] == ["0002_yours", "0003_merge"]
    assert await story.heads() == ("0003_merge",)
    await story.migrate("0001")
    assert await story.tables() == {"one"}


async def test_what_failed_leaves_nothing_behind(transactional: Any) -> None:
    chain(transactional, "one")
    transactional.write(
        "0002_half", f"{CREATE.format('half')}; op.execute('INSERT INTO nowhere VALUES (1)')", after="0001_one"
    )
    with pytest.raises(ConfigurationError, match=r"0002_half failed on the way up: .*nowhere") as failed:
        await transactional.migrate()
    assert failed.value.code == "VX407"
    assert await transactional.tables() == {"one"}
    assert await transactional.heads() == ("0001_one",)


async def test_rows_that_refer_to_nothing_are_found_before_the_commit(story: Any) -> None:
    reference = 'sa.Column("one_id", sa.Integer(), sa.ForeignKey("one.id"))'
    chain(story, "one")
    story.write(
        "0002_two", f'op.create_table("two", {reference}); op.execute("INSERT INTO two VALUES (7)")', after="0001_one"
    )
    with pytest.raises(ConfigurationError, match=r"1 rows refer to rows that are not there.* row 1 of two"):
        await story.migrate()
    assert await story.tables() == {"one"}


async def test_a_fake_step_is_only_noted(story: Any) -> None:
    chain(story, "one")
    await story.migrate(fake=True)
    assert (await story.tables(), await story.heads()) == (set(), ("0001_one",))


async def test_a_coroutine_is_no_migration(story: Any) -> None:
    """``op`` works in plain functions only, and one that nobody awaits would pass as done."""
    story.write("0001_rows", "pass")
    (path,) = story.folder.iterdir()
    path.write_text(path.read_text().replace("def upgrade", "async def upgrade"))
    with pytest.raises(ConfigurationError, match=r"0001_rows.py has a coroutine upgrade\(\)"):
        await story.migrate()


async def test_a_migration_may_change_rows(story: Any) -> None:
    chain(story, "one")
    link = 'one = sa.table("one", sa.column("id")); op.bulk_insert(one, [{"id": 5}, {"id": 6}])'
    story.write("0002_rows", link, "op.execute('DELETE FROM one')", after="0001_one")
    await story.migrate()
    assert await story.execute("SELECT id FROM one") == [(5,), (6,)]


async def test_a_killed_process_leaves_whole_migrations_and_the_next_goes_on(
    transactional: Any, tmp_path: Path
) -> None:
    """``kill -9`` in the middle of the second of three."""
    chain(transactional, "one", "two", "three")
    reached = tmp_path / "reached"
    hang = f"open({str(reached)!r}, 'w').close(); __import__('time').sleep(60)"
    transactional.write("0002_two", f"{CREATE.format('two')}; {hang}", after="0001_one")
    await transactional.database.stop()
    victim = process(transactional)
    await until(reached.exists)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert victim.stdout is not None
    victim.stdout.close()
    await transactional.database.start()
    assert await transactional.tables() == {"one"}
    assert await transactional.heads() == ("0001_one",)
    transactional.write("0002_two", CREATE.format("two"), after="0001_one")
    await transactional.migrate()
    assert await transactional.tables() == {"one", "two", "three"}


async def test_processes_that_migrate_at_the_same_time_do_each_step_once(story: Any) -> None:
    chain(story, *(f"t{number}" for number in range(12)))
    processes = [process(story) for _ in range(3)]
    outputs = await asyncio.gather(*(asyncio.to_thread(each.communicate) for each in processes))
    assert [each.returncode for each in processes] == [0, 0, 0]
    applied = [line for out, _ in outputs for line in out.splitlines()]
    assert sorted(applied) == [each.id for each in story.history.revisions]
    assert len(await story.tables()) == 12


async def test_waiting_for_another_process_ends(story: Any, tmp_path: Path) -> None:
    chain(story, "one")
    other = Database(f"sqlite:///{tmp_path}/test.db", timeout_s=0.05)
    await other.start()
    async with story.database.writing_connection() as connection, connection.begin():
        await connection.exec_driver_sql("CREATE TABLE busy (id INTEGER)")
        with pytest.raises(ConfigurationError, match=r"another process has been writing") as refused:
            await migrate(other, story.history, lock_timeout_s=0.1)
    await other.stop()
    assert refused.value.code == "VX411"


async def test_a_database_ahead_of_the_folder_is_not_touched(story: Any) -> None:
    chain(story, "one", "two")
    await story.migrate()
    (story.folder / "0002_two.py").unlink()
    with pytest.raises(ConfigurationError, match=r"the database is at '0002_two', and there is no such migration"):
        await story.migrate()


async def test_references_are_checked_again_after_a_failure(story: Any, models: Any) -> None:
    """The switch that a table's rebuilding needs is back where it was."""
    story.write("0001_bad", "op.execute('nonsense')")
    with pytest.raises(ConfigurationError, match=r"0001_bad failed"):
        await story.migrate()
    assert await story.execute("PRAGMA foreign_keys") == [(1,)]


async def test_a_new_migration_is_tried_with_the_rows_that_are_there(story: Any, models: Any) -> None:
    """On an empty clone it works; the rows do not fit."""
    await story.settle(models().table("link", Column("url", String(100))))
    await story.execute("INSERT INTO link (id, url) VALUES (1, 'a'), (2, 'a')")
    with pytest.raises(ConfigurationError, match=r"up with the rows of the project's database.*UNIQUE") as refused:
        await story.make(models().table("link", Column("url", String(100), unique=True)))
    assert refused.value.code == "VX408"
    assert [each.id for each in story.history.revisions] == ["0001_create_link"]


async def until(condition: Any, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s (pid {os.getpid()})"
        await asyncio.sleep(0.02)
