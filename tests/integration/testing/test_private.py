"""A database of a test's own: it has the tables, keeps what is committed, and is gone at the end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.db.conftest import tables_of
from velox import Settings, Velox
from velox.db import Database, Field, Model, func, select
from velox.errors import ConfigurationError
from velox.testing.private import Template


class PrivateRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)


@pytest.fixture(autouse=True)
def own_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tables of this file are made."""
    create, own = Database.create_tables, tables_of(sys.modules[__name__])
    monkeypatch.setattr(Database, "create_tables", lambda database, _=None: create(database, own))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
async def test_copies_are_committed_to_apart_from_each_other(
    kind: str,
    tmp_path: Path,
    require: Callable[[object, str], None],
    server_databases: Callable[[str], str | None],
) -> None:
    """Two at once, each with writers of its own; afterwards there is none of them."""
    base = f"sqlite:///{tmp_path}/test.db" if kind == "sqlite" else server_databases(kind)
    require(base, kind)
    folder = tmp_path / "private"
    folder.mkdir()
    settings = Settings(env="test", database_url=str(base), migrations=str(tmp_path / "none"))
    async with Template.made(Velox("private", settings=settings), folder) as template:
        async with template.copy() as first, template.copy() as second:
            assert len({template.url, first, second}) == 3
            counts = list(await asyncio.gather(written(first, 2), written(second, 3)))
            assert counts == [2, 3]
        async with template.copy() as third:
            assert await written(third, 0) == 0
    assert list(folder.iterdir()) == []
    if kind != "sqlite":
        gone = Database(first)
        with pytest.raises(ConfigurationError, match="VX402"):
            await gone.start()


async def written(url: str, rows: int) -> int:
    """Store rows, each in a session of its own at the same time, and count all."""
    database = Database(url)
    await database.start()
    try:
        await asyncio.gather(*(store(database, number) for number in range(rows)))
        async with database.reader() as db:
            return await db.one(select(func.count()).select_from(PrivateRow))
    finally:
        await database.stop()


async def store(database: Database, number: int) -> None:
    async with database.session() as db:
        await db.add(PrivateRow(name=str(number)))


async def test_a_real_database_is_not_copied(tmp_path: Path) -> None:
    app = Velox("real", settings=Settings(env="test", database_url="sqlite:////var/lib/shop.db"))
    with pytest.raises(ConfigurationError, match="VX601"):
        async with Template.made(app, tmp_path):
            pass
