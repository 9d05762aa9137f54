"""The driver: a thread for each connection, and statements that are never left half done."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from velox.db import Database
from velox.db.driver import Connection


def ask(raw: sqlite3.Connection, statement: str) -> object:
    return raw.execute(statement).fetchone()[0]


def wait(_raw: sqlite3.Connection, released: threading.Event) -> str:
    assert released.wait(30)
    return "done"


async def test_a_cancelled_task_waits_for_its_statement() -> None:
    """It is cancelled when the statement has ended, however often it is cancelled meanwhile."""
    connection = await Connection.open(":memory:", 5)
    released = threading.Event()
    outcome = connection.run(wait, released)

    async def work() -> None:
        await outcome

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcome.result() == "done"
    await connection.close()


async def test_a_statement_that_fails_meanwhile_does_not_hide_the_cancellation() -> None:
    """The task asked to end; and the error does not show up elsewhere."""
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, report: reports.append(report))
    connection = await Connection.open(":memory:", 5)

    async def work() -> None:
        await connection.execute("nonsense")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()
    assert reports == []
    await connection.close()


async def test_a_closed_connection_says_so_and_may_be_closed_again() -> None:
    """As ``sqlite3``'s does."""
    connection = await Connection.open(":memory:", 5)
    await connection.close()
    await connection.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        await connection.execute("SELECT 1")


async def test_no_thread_outlives_its_connection(tmp_path: Path) -> None:
    """Neither when opening fails or is cancelled, nor when the connection is forgotten."""
    before = set(threading.enumerate())
    with pytest.raises(sqlite3.OperationalError):
        await Connection.open(f"{tmp_path}/missing/app.db", 5)
    task = asyncio.create_task(Connection.open(":memory:", 5))
    await asyncio.sleep(0)
    opened = set(threading.enumerate()) - before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    connection = await Connection.open(":memory:", 5)
    opened |= set(threading.enumerate()) - before
    del connection, task
    gc.collect()
    for thread in opened:
        thread.join(5)
    assert [thread for thread in opened if thread.is_alive()] == []


def test_a_statement_may_outlive_its_loop() -> None:
    """Nobody waits for its outcome any more; the connection serves the next loop."""
    released = threading.Event()

    async def leave() -> Connection:
        connection = await Connection.open(":memory:", 5)
        _ = connection.run(wait, released)
        return connection

    async def come_back(connection: Connection) -> object:
        found = await connection.run(ask, "SELECT 7")
        await connection.close()
        return found

    connection = asyncio.run(leave())
    released.set()
    assert asyncio.run(come_back(connection)) == 7


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'abc' REGEXP '^a'", 1),
        ("'abc' REGEXP '^b'", 0),
        ("NULL REGEXP '^b'", None),
        ("floor(-1.5)", -2),
        ("floor(NULL)", None),
    ],
)
async def test_the_functions_that_sqlalchemy_counts_on_are_there(expression: str, value: object) -> None:
    """``col(Link.slug).regexp_match(...)`` and ``func.floor(...)``."""
    connection = await Connection.open(":memory:", 5)
    assert await connection.run(ask, f"SELECT {expression}") == value
    await connection.close()


async def test_a_connection_that_only_reads_refuses_to_write() -> None:
    """Whatever the statement."""
    connection = await Connection.open(":memory:", 5, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await connection.execute("CREATE TABLE t (x)")
    await connection.close()


async def test_nobody_waits_for_the_commit_of_a_session_that_only_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to lose. It comes all the same: others may write then."""
    waited: list[object] = []
    run = Connection.run

    def counting(connection: Connection, function: Callable[..., object], *args: object) -> object:
        waited.append(function)
        return run(connection, function, *args)

    database, other = (Database(f"sqlite:///{tmp_path}/one.db", timeout_s=30) for _ in range(2))
    await database.start()
    await other.start()
    async with database.session() as db:
        await db.exec(text("CREATE TABLE one (n INTEGER)"))  # type: ignore[call-overload]
    monkeypatch.setattr(Connection, "run", counting)
    for statement, visits in (
        ("SELECT n FROM one", 1),
        ("WITH two AS (SELECT 2 AS n) INSERT INTO one SELECT n FROM two RETURNING n", 2),
        ("SELECT n FROM one", 1),
    ):
        waited.clear()
        async with database.session() as db:
            await db.exec(text(statement))  # type: ignore[call-overload]
        assert len(waited) == visits
    async with other.session() as db:
        assert (await db.exec(text("SELECT n FROM one"))).all() == [(2,)]  # type: ignore[call-overload]
    await database.stop()
    await other.stop()
