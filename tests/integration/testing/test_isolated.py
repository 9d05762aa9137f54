"""``isolated(app)`` by itself: what the fixtures are made of, for those who write their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from velox import ConfigurationError, Settings, Velox
from velox.db import Field, Model, Public, Session, func, select
from velox.testing import TestClient, check_test_database, isolated


class IsolatedRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str = Field(unique=True)


def make_app(url: str, *, env: str = "test") -> Velox:
    app = Velox("isolated", settings=Settings.load(env=env, database_url=url))

    @app.post("/rows/<text>", status=201)
    async def create(text: str, db: Session) -> Public[IsolatedRow]:
        return await db.add(IsolatedRow(text=text))

    @app.put("/rows/<text>/<new>")
    async def rename(text: str, new: str, db: Session) -> Public[IsolatedRow]:
        row = await db.one(select(IsolatedRow).where(IsolatedRow.text == text))
        row.text = new
        return row

    return app


@pytest.fixture(params=["file", "memory", "postgresql", "mariadb"])
def app(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    require: Callable[[object, str], None],
    server_databases: Callable[[str], str | None],
) -> Velox:
    if request.param in {"file", "memory"}:
        return make_app(f"sqlite:///{tmp_path}/test.db" if request.param == "file" else "sqlite://")
    url = server_databases(request.param)
    require(url, f"{request.param} on this machine")
    app = make_app(str(url))
    # Other tests' models are not all made for every server.
    tables = MetaData()
    IsolatedRow.__table__.to_metadata(tables)
    monkeypatch.setattr(app.database, "create_tables", partial(app.database.create_tables, tables))
    return app


async def count(db: Session) -> int:
    return (await db.exec(select(func.count()).select_from(IsolatedRow))).one()


async def test_everything_is_undone_even_what_handlers_and_the_test_committed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    for _ in range(2):
        app = make_app(url)
        async with isolated(app) as db, TestClient(app) as client:
            assert await count(db) == 0
            assert (await client.post("/rows/handler")).status_code == 201
            await db.add(IsolatedRow(text="test"))
            await db.commit()
            assert await count(db) == 2


async def test_an_open_session_does_not_lock_the_handlers_out(app: Velox) -> None:
    """The client commits the test's session first: there is one writer at a time."""
    async with isolated(app) as db, TestClient(app) as client:
        await db.add(IsolatedRow(text="open"))
        assert (await client.post("/rows/handler")).status_code == 201
        assert await count(db) == 2


async def test_a_change_that_was_not_written_yet_reaches_the_handler(app: Velox) -> None:
    async with isolated(app) as db, TestClient(app) as client:
        row = await db.add(IsolatedRow(text="old"))
        row.text = "new"
        assert (await client.put("/rows/new/newer")).status_code == 200


async def test_a_select_reads_rows_anew(app: Velox) -> None:
    """Also those that the session remembers from before the handler changed them."""
    async with isolated(app) as db, TestClient(app) as client:
        row = await db.add(IsolatedRow(text="old"))
        await client.put("/rows/old/new")
        assert (await db.one(select(IsolatedRow).where(IsolatedRow.id == row.id))) is row
        assert row.text == "new"


async def test_many_requests_at_once_share_the_session_in_peace(app: Velox) -> None:
    async with isolated(app) as db, TestClient(app) as client:
        await db.add(IsolatedRow(text="open"))
        answers = await asyncio.gather(*(client.post(f"/rows/{number}") for number in range(20)))
        assert [answer.status_code for answer in answers] == [201] * 20
        assert await count(db) == 21


async def test_another_app_in_the_same_test_is_not_touched(app: Velox, tmp_path: Path) -> None:
    other = make_app(f"sqlite:///{tmp_path}/other-test.db")
    async with isolated(app) as db, isolated(other) as other_db:
        await db.add(IsolatedRow(text="here"))
        async with TestClient(other) as client:
            assert (await client.post("/rows/there")).status_code == 201
        assert db.in_transaction()
        assert (await count(db), await count(other_db)) == (1, 1)


async def test_a_test_that_left_its_session_broken_still_ends_well(app: Velox) -> None:
    """What fails is the test's own assertion, not the clean-up after it."""
    async with isolated(app) as db:
        await db.add(IsolatedRow(text="taken"))
        db.sync_session.add(IsolatedRow(text="taken"))


def test_an_app_that_is_not_for_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"VX601 tests run with env = 'dev' \(argument\)"):
        check_test_database(make_app("sqlite://", env="dev"))
    with pytest.raises(ConfigurationError, match=r"VX601 the database sqlite:////srv/app.db \(argument\) is not"):
        check_test_database(make_app("sqlite:////srv/app.db"))
    check_test_database(make_app(f"sqlite:///{tmp_path}/test.db"))
    with pytest.raises(
        ConfigurationError, match=r"VX601 the database postgresql://me:\*\*\*@db/shop \(argument\) is not"
    ):
        check_test_database(make_app("postgresql://me:hunter2@db/shop"))
    check_test_database(make_app("postgresql://me:hunter2@db/shop_test"))
