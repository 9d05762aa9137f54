"""``db.expect``: a test says how many statements there may be, and that none reads a whole table."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.integration.db.conftest import tables_of
from velox import Settings, Velox
from velox.db import Database, Field, Model, Reader, Session, select
from velox.testing import TestClient, TestSession, isolated


class ExpectedBook(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=40, index=True)
    shelf: str = Field(max_length=40)


@pytest.fixture(autouse=True)
def own_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tables of this file are made."""
    create, own = Database.create_tables, tables_of(sys.modules[__name__])
    monkeypatch.setattr(Database, "create_tables", lambda database, _=None: create(database, own))


async def by_shelf(shelf: str, db: Reader) -> int:
    return len(await db.exec(select(ExpectedBook).where(ExpectedBook.shelf == shelf)))


async def by_title(title: str, db: Session) -> int:
    return len((await db.exec(select(ExpectedBook).where(ExpectedBook.title == title))).all())


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
async def db(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    require: Callable[[object, str], None],
    server_databases: Callable[[str], str | None],
) -> AsyncIterator[TestSession]:
    url = f"sqlite:///{tmp_path}/test.db" if request.param == "sqlite" else server_databases(request.param)
    require(url, request.param)
    app = Velox("expecting", settings=Settings(env="test", database_url=str(url), create_tables=True))
    app.get("/shelf")(by_shelf)
    app.get("/title")(by_title)
    async with isolated(app) as session, TestClient(app) as client:
        session.info["client"] = client
        await session.add(ExpectedBook(title="a", shelf="b"))
        await session.commit()
        yield session


async def test_what_is_as_expected_passes(db: TestSession) -> None:
    """A handler's statement counts as the test's own does."""
    with db.expect(max_queries=2, no_scan=True) as seen:
        assert (await db.info["client"].get("/title", params={"title": "a"})).json() == 1
        await db.get(ExpectedBook, 1)
    assert len(seen.statements) == 2
    assert ["test_expect.py"] * 2 == [str(one.place).rpartition("/")[2].partition(":")[0] for one in seen.statements]


async def test_one_too_many_fails_with_the_list(db: TestSession) -> None:
    with pytest.raises(AssertionError) as failure, db.expect(max_queries=1):
        await asyncio.gather(*(db.info["client"].get("/title", params={"title": "a"}) for _ in range(2)))
    text = str(failure.value)
    assert "expected at most 1 statement, and there were 2" in text
    assert "test_expect.py:" in text
    assert "2. " in text


async def test_a_scan_fails_with_its_plan(db: TestSession) -> None:
    """The Reader's lane is heard too; and the session goes on working after the failure."""
    with pytest.raises(AssertionError, match="expectedbook is read as a whole"), db.expect(no_scan=True):
        await db.info["client"].get("/shelf", params={"shelf": "b"})
    await db.add(ExpectedBook(title="c", shelf="d"))
    with db.expect(max_queries=0):
        pass


async def test_a_failing_block_fails_as_itself(db: TestSession) -> None:
    with pytest.raises(ValueError, match="not in list"), db.expect(max_queries=0):
        list[object]().remove(await db.get(ExpectedBook, 1))
