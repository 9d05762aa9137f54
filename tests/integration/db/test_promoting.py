"""From a SQLite file to a server: every type, every row, also after ``kill -9``."""

from __future__ import annotations

import enum
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import NaiveDatetime
from sqlalchemy import MetaData, inspect
from sqlalchemy.orm import registry

from velox.db import Database, Field, Model, select
from velox.db.migrations.clearing import drop_everything
from velox.db.migrations.history import History
from velox.db.upkeep.promoting import Copied, promote
from velox.db.upkeep.snapshot import BATCH_ROWS
from velox.errors import ConfigurationError

pytestmark = pytest.mark.anyio
ROWS = 2 * BATCH_ROWS + 2_000
"""More than two batches."""


class Own(Model, registry=registry(metadata=MetaData(naming_convention=Model.metadata.naming_convention))):
    """Tables of this module alone."""


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Owner(Own, table=True):
    id: int | None = Field(default=None, primary_key=True)
    parent_id: int | None = Field(default=None, foreign_key="owner.id", index=True)
    name: str = Field(max_length=50, unique=True)


class Thing(Own, table=True):
    id: UUID = Field(primary_key=True)
    owner_id: int = Field(foreign_key="owner.id", index=True, ondelete="CASCADE")
    text: str | None = None
    ratio: float = 0.1
    flag: bool = True
    price: Decimal = Field(default=Decimal("9.90"), max_digits=8, decimal_places=2)
    day: date = date(2030, 1, 31)
    moment: datetime = datetime(2030, 1, 31, 12, 0, 0, 7, UTC)
    local: NaiveDatetime = datetime(2030, 1, 31, 12)  # noqa: DTZ001 - a local time, on purpose
    clock: time = time(12, 30)
    span: timedelta = timedelta(seconds=1.5)
    colour: Colour = Colour.BLUE
    raw: bytes = b"\x00\xff"
    days: list[date] = Field(default_factory=lambda: [date(2030, 2, 1)])
    extra: dict[str, Any] = Field(default_factory=lambda: {"ü": "☃", "a": [1, None]})


class Mark(Own, table=True):
    id: int | None = Field(default=None, primary_key=True)
    number: int


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Database]:
    """Rows that refer backwards and forwards, one with the key 0, and more than two batches of marks."""
    database = Database(f"sqlite:///{tmp_path}/source.db")
    await database.start()
    await database.create_tables(Own.metadata)
    async with database.session() as db:
        for number in range(3):
            await db.add(Owner(id=number, name=f"owner {number}"))
        await db.flush()
        (await db.one(select(Owner).where(Owner.id == 0))).parent_id = 2
        for number in range(3):
            await db.add(Thing(id=UUID(int=number), owner_id=0, text="line\nbreak" if number else None))
        await db.insert_many([Mark(number=number) for number in range(ROWS)])
    yield database
    await database.stop()


@pytest.fixture(params=["postgresql", "mariadb"])
async def target(request: pytest.FixtureRequest, url_of: Callable[[str], str]) -> AsyncIterator[Database]:
    """A server's database with nothing in it."""
    database = Database(url_of(request.param), timeout_s=30)
    await database.start()
    await drop_everything(database)
    yield database
    await drop_everything(database)
    await database.stop()


@pytest.fixture
def history(tmp_path: Path) -> History:
    """No migrations: the tables are the models'."""
    return History.read(tmp_path / "migrations")


async def rows(database: Database) -> list[dict[str, Any]]:
    async with database.reader() as db:
        found: list[dict[str, Any]] = []
        for model in (Owner, Thing, Mark):
            found += [row.model_dump() for row in await db.exec(select(model).order_by("id"))]
        return found


async def tables(database: Database) -> set[str]:
    async with database.writing_connection() as connection, connection.begin():
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_every_row_and_type_arrives_and_new_rows_get_the_next_number(
    source: Database, target: Database, history: History, tmp_path: Path
) -> None:
    seen: list[Copied] = []
    assert await promote(source, target, history, Own.metadata, report=seen.append) == ROWS + 6
    assert await rows(target) == await rows(source)
    assert await tables(target) == {"owner", "thing", "mark"}  # and none of the notes
    assert {one.table: one.rows for one in seen if one.done} == {"owner": 3, "thing": 3, "mark": ROWS}
    assert not any("promote" in name for name in os.listdir(tmp_path))  # noqa: PTH208 - short, and nothing waits
    async with target.session() as db:
        assert (await db.add(Mark(number=-1))).id == ROWS + 1
    async with target.session() as db:
        mark = await db.one(select(Mark).where(Mark.number == -1))
        assert mark.id == ROWS + 1
    if target.url.startswith("postgres"):
        async with target.connection() as connection:
            deferrable = await connection.exec_driver_sql("SELECT count(*) FROM pg_constraint WHERE condeferrable")
            assert deferrable.scalar() == 0
            await connection.rollback()


PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.integration.db.test_promoting import Own
from velox.db import Database
from velox.db.migrations.history import History
from velox.db.upkeep.promoting import promote

def report(copied):
    if copied.table == "mark" and not copied.done:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    source, target = Database(sys.argv[1]), Database(sys.argv[2])
    await source.start()
    await target.start()
    await promote(source, target, History.read(Path(sys.argv[3])), Own.metadata, report=report)

asyncio.run(main())
"""


async def test_after_a_kill_the_next_one_goes_on_where_it_was(
    source: Database, target: Database, history: History, tmp_path: Path
) -> None:
    """One is killed after its first batch; the next copies the rest, and what is there is there once."""
    command = [sys.executable, "-c", PROGRAM, source.url, target.url, str(tmp_path / "migrations")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL  # noqa: ASYNC221 - nothing else runs
    seen: list[Copied] = []
    assert await promote(source, target, history, Own.metadata, report=seen.append) == ROWS + 6
    (marks,) = [one for one in seen if one.done and one.table == "mark"]
    assert (marks.rows, marks.copied) == (ROWS, ROWS - BATCH_ROWS)
    assert await rows(target) == await rows(source)


async def test_a_target_with_other_content_is_not_touched(source: Database, target: Database, history: History) -> None:
    async with target.writing_connection() as connection, connection.begin():
        await connection.exec_driver_sql("CREATE TABLE other (id INTEGER)")
    with pytest.raises(ConfigurationError, match=r"VX461 .*a table other, which no model has"):
        await promote(source, target, history, Own.metadata)
    assert await tables(target) == {"other"}
    await drop_everything(target)
    await target.create_tables(Own.metadata)
    async with target.session() as db:
        await db.add(Owner(name="first"))
    with pytest.raises(ConfigurationError, match=r"VX461 .*rows in owner"):
        await promote(source, target, history, Own.metadata)


async def test_what_the_app_writes_meanwhile_is_found(source: Database, target: Database, history: History) -> None:
    """The snapshot does not have it: the copy is refused, and not believed to be complete."""
    file = Path(source.url.removeprefix("sqlite:///"))

    def write(copied: Copied) -> None:
        if copied.table == "mark" and copied.done:
            with closing(sqlite3.connect(file)) as other, other:
                other.execute("UPDATE mark SET number = -7 WHERE id = 1")

    with pytest.raises(ConfigurationError, match=r"VX463 .*the app has written to mark since"):
        await promote(source, target, history, Own.metadata, report=write)


async def test_a_row_that_does_not_fit_is_named(source: Database, target: Database, history: History) -> None:
    """SQLite does not look at the length of a text; the servers do."""
    async with source.writing_connection() as connection, connection.begin():
        await connection.exec_driver_sql("UPDATE owner SET name = ? WHERE id = 1", ("x" * 51,))
    with pytest.raises(ConfigurationError, match="VX462 the row id=1 of owner does not fit: "):
        await promote(source, target, history, Own.metadata)


async def test_rows_that_no_model_knows_are_not_left_behind(
    source: Database, target: Database, history: History
) -> None:
    async with source.writing_connection() as connection, connection.begin():
        await connection.exec_driver_sql("CREATE TABLE extra AS SELECT 1 AS id")
    with pytest.raises(ConfigurationError, match="VX460 no model knows extra"):
        await promote(source, target, history, Own.metadata)
    with pytest.raises(ConfigurationError, match=r"VX460 .*is no server"):
        await promote(source, source, history, Own.metadata)
