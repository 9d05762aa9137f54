"""The content of a database as a whole: dumped, loaded, inspected, dropped."""

from __future__ import annotations

import asyncio
import enum
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import NaiveDatetime
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.orm import registry

from velox.db import Database, Field, Model, select
from velox.db.migrations.clearing import drop_everything
from velox.db.upkeep.dumping import dump_rows
from velox.db.upkeep.inspecting import models_of
from velox.db.upkeep.loading import load_rows
from velox.errors import ConfigurationError

pytestmark = pytest.mark.anyio


class Own(Model, registry=registry(metadata=MetaData(naming_convention=Model.metadata.naming_convention))):
    """Tables of this module alone."""


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Keeper(Own, table=True):
    id: int | None = Field(default=None, primary_key=True)
    parent_id: int | None = Field(default=None, foreign_key="keeper.id", index=True)
    name: str = Field(max_length=50, unique=True)


class Kept(Own, table=True):
    id: UUID = Field(primary_key=True)
    keeper_id: int = Field(foreign_key="keeper.id", index=True, ondelete="CASCADE")
    text: str | None = None
    ratio: float = 0.25
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
    extra: dict[str, Any] = Field(default_factory=lambda: {"a": [1, None], "ü": "☃"})


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with rows that refer to each other, also backwards."""
    database = Database(f"sqlite:///{tmp_path}/kept.db")
    await database.start()
    await database.create_tables(Own.metadata)
    async with database.session() as db:
        for number in (1, 2):
            await db.add(Keeper(id=number, name=f"keeper {number}"))
        (await db.one(select(Keeper).where(Keeper.id == 1))).parent_id = 2
        for number in range(3):
            await db.add(Kept(id=UUID(int=number), keeper_id=1, text="line\nbreak" if number else None))
    yield database
    await database.stop()


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Database]:
    """The same tables without rows."""
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    await database.start()
    await database.create_tables(Own.metadata)
    yield database
    await database.stop()


async def rows(database: Database) -> list[dict[str, Any]]:
    async with database.reader() as db:
        return [row.model_dump() for model in (Keeper, Kept) for row in await db.exec(select(model).order_by("id"))]


async def dumped(database: Database) -> str:
    stream = io.StringIO()
    await dump_rows(database, Own.metadata, stream)
    return stream.getvalue()


async def test_what_is_dumped_is_loaded_again(kept: Database, empty: Database) -> None:
    """Every type, NULL, line breaks, and a row that refers to a later one of its own table."""
    text = await dumped(kept)
    assert await load_rows(empty, Own.metadata, io.StringIO(text)) == 5
    assert await rows(empty) == await rows(kept)
    assert await dumped(empty) == text


async def test_rows_that_are_there_are_kept_unless_they_are_to_be_replaced(kept: Database) -> None:
    dump = await dumped(kept)
    with pytest.raises(ConfigurationError, match="there are rows in kept") as refused:
        await load_rows(kept, Own.metadata, io.StringIO(dump))
    assert refused.value.code == "VX412"
    before = await rows(kept)
    assert await load_rows(kept, Own.metadata, io.StringIO(dump), replace=True) == 5
    assert await rows(kept) == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lines: ["{}", *lines[1:]], "the file is no dump of this version"),
        (
            lambda lines: ['{"velox_dump":1,"migrations":["0007"]}', *lines[1:]],
            "made at 0007, and the database is at zero",
        ),
        (lambda lines: [lines[0], '{"table":"nothing","columns":[]}'], "line 2 names no table"),
        (lambda lines: [*lines[:2], "[1"], "line 3 is no JSON"),
        (lambda lines: [*lines[:2], "[1]"], "line 3 is no row of keeper"),
        (lambda lines: [*lines[:2], '[1,9,"x"]'], "row 1 of keeper refers to a row of keeper that is not there"),
    ],
)
async def test_a_dump_that_does_not_fit_loads_nothing(
    kept: Database, empty: Database, spoil: Any, message: str
) -> None:
    lines = spoil((await dumped(kept)).splitlines())
    with pytest.raises(ConfigurationError, match=message) as refused:
        await load_rows(empty, Own.metadata, io.StringIO("\n".join(lines)))
    assert refused.value.code == "VX413"
    assert await rows(empty) == []


async def test_each_line_is_json(kept: Database) -> None:
    lines = [json.loads(line) for line in (await dumped(kept)).splitlines()]
    assert lines[0] == {"velox_dump": 1, "migrations": []}
    assert lines[1] == {"table": "keeper", "columns": ["id", "parent_id", "name"]}
    assert lines[2] == [1, 2, "keeper 1"]


async def test_everything_is_dropped(kept: Database) -> None:
    assert set(await drop_everything(kept)) == {"keeper", "kept"}
    async with kept.writing_connection() as connection, connection.begin():
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []


FOREIGN = """
CREATE TABLE authors (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL, "class" TEXT, born DATE, UNIQUE (name));
CREATE TABLE "order-lines" (
    order_id INTEGER NOT NULL, position SMALLINT NOT NULL, price NUMERIC(10, 2) NOT NULL DEFAULT 1.5,
    author_id INTEGER REFERENCES authors (id) ON DELETE CASCADE, copy BOOLEAN NOT NULL, made DATETIME, raw BLOB,
    big BIGINT NOT NULL, ratio FLOAT, extra JSON, PRIMARY KEY (order_id, position), CONSTRAINT odd UNIQUE (price, big)
);
CREATE INDEX ix_authors_born ON authors (born);
CREATE UNIQUE INDEX own_name ON "order-lines" (author_id, big);
CREATE TABLE parts (id INTEGER PRIMARY KEY, o INTEGER, p SMALLINT, note TEXT DEFAULT 'it''s',
    a_rather_long_name_for_a_reference INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (a_rather_long_name_for_a_reference) REFERENCES authors (id) ON DELETE CASCADE,
    FOREIGN KEY (o, p) REFERENCES "order-lines" (order_id, position));
"""


async def test_models_of_a_foreign_database_are_typed_and_differ_in_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/foreign.db")
    await database.start()
    async with database.writing_connection() as connection, connection.begin():
        for statement in FOREIGN.split(";\n"):
            if statement.strip():
                await connection.execute(text(statement))
    source = await models_of(database)
    assert 'foreign_key="authors.id", ondelete="CASCADE"' in source
    module = tmp_path / "inspected.py"
    module.write_text(source)
    await database.stop()
    check = f"import asyncio, sys; sys.path.insert(0, sys.argv[2]); import inspected\n{DRIFT}"
    assert await printed(tmp_path, "-c", check, database.url, str(tmp_path)) == (0, "[]\n")
    for tool in (
        "mypy --strict",
        "ruff check --line-length 120 --select E,F,I,UP",
        "ruff format --diff --line-length 120",
    ):
        code, output = await printed(tmp_path, "-m", *tool.split(), "inspected.py")
        assert code == 0, f"{source}\n{output}"


async def printed(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """Exit code and output of a Python process in ``folder``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


DRIFT = """
from velox.db import Database, Model
from velox.db.migrations.drift import drift_of

async def main() -> None:
    database = Database(sys.argv[1])
    await database.start()
    print(await drift_of(database, Model.metadata))
    await database.stop()

asyncio.run(main())
"""
