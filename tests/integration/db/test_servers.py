"""What is special about a database with a server: it can be unreachable, slow, full, or gone in the middle."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from velox.db import Database, Field, Model, Reader, Session, col, select
from velox.errors import ConfigurationError, Conflict, ServiceUnavailable, ValidationProblem


class ServerRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(default="", max_length=10)
    n: int = 0
    slug: str | None = Field(default=None, index=True, unique=True)


def slow(database: Database) -> str:
    return "SELECT pg_sleep(20)" if "postgresql" in database.url else "SELECT SLEEP(20)"


async def run(db: Session | Reader, statement: str) -> Any:
    """Its rows."""
    return list((await db.exec(text(statement))).all())  # type: ignore[call-overload]


async def kill_others(database: Database) -> None:
    """End every other connection to the database, as its server does when it restarts."""
    async with database.session() as db:
        if "postgresql" in database.url:
            others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            await run(db, f"SELECT pg_terminate_backend(pid) FROM ({others}) AS others")
        else:
            others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            for (number,) in await run(db, others):
                await (await db.connection()).exec_driver_sql(f"KILL {number}")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda url: url.replace("velox_test", "no_such"), "there is no database 'no_such"),
        (lambda url: url.replace("127.0.0.1", "no-such-host.invalid"), "cannot be reached"),
        (lambda url: f"{url}?sslmode=verify-full&sslrootcert=/no/such.pem", "TLS cannot be set up"),
    ],
)
async def test_a_server_that_cannot_be_used_stops_the_start_with_one_line(
    url_of: Callable[[str], str], kind: str, damage: Callable[[str], str], message: str
) -> None:
    """It says what is wrong, and the hint what to do; the password is nobody's business."""
    url = damage(url_of(kind))
    if kind == "postgresql":
        url = url.replace("@", ":hunter2@")
    with pytest.raises(ConfigurationError, match=r"VX40[12]") as caught:
        await Database(url, timeout_s=5).start()
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
async def test_a_port_where_nobody_listens_is_named(scheme: str) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConfigurationError, match=rf"VX402 .*nothing listens on 127\.0\.0\.1:{port}"):
        await Database(f"{scheme}://me@127.0.0.1:{port}/test").start()


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
async def test_a_server_that_does_not_answer_is_not_waited_for_longer_than_said(scheme: str) -> None:
    """It takes the connection, and says nothing."""
    with closing(socket.socket()) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"{scheme}://me@127.0.0.1:{mute.getsockname()[1]}/test"
        with pytest.raises(ConfigurationError, match=r"VX402 .*does not answer within 0\.2 s"):
            await Database(url, timeout_s=0.2).start()


async def test_a_wrong_password_is_named(url_of: Callable[[str], str]) -> None:
    with pytest.raises(ConfigurationError, match=r"VX402 .*the password of 'velox_nobody' is wrong") as caught:
        await Database(url_of("mariadb").replace("root@", "velox_nobody:hunter2@")).start()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "extra"), [("postgresql", "postgres"), ("postgres", "postgres"), ("mysql", "mysql")]
)
def test_a_driver_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, scheme: str, extra: str
) -> None:
    monkeypatch.setattr("velox.db.urls.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="VX701") as caught:
        Database(f"{scheme}://me@db/x")
    assert caught.value.hint == f'pip install "velox-framework[{extra}]"'


@pytest.mark.parametrize("url", ["postgresql://db", "mariadb://db/x?charset=latin1", "postgresql://db/x?sslmode=maybe"])
def test_a_url_that_asks_for_what_we_would_ignore_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="VX401"):
        Database(url)


async def test_the_connections_that_died_in_the_pool_are_replaced(server: Database) -> None:
    """After a restart of the server, nobody's first statement fails."""

    async def write() -> None:
        async with server.session() as db:
            await db.add(ServerRow())
            await asyncio.sleep(0.01)

    async def read() -> None:
        async with server.reader() as db:
            await db.exec(select(ServerRow))

    await asyncio.gather(*(write() for _ in range(5)), *(read() for _ in range(5)))
    killer = Database(server.url)
    await killer.start()
    await kill_others(killer)
    await killer.stop()
    await asyncio.sleep(0.05)  # for the news to arrive: nothing here tells when it has
    await asyncio.gather(*(write() for _ in range(5)), *(read() for _ in range(5)))


async def test_a_connection_that_dies_in_a_transaction_is_a_503(server: Database) -> None:
    """What was written before is gone, so it cannot go on; the next session has another connection."""
    killer = Database(server.url)
    await killer.start()

    async def die() -> None:
        async with server.session() as db:
            await db.add(ServerRow())
            await kill_others(killer)
            await db.add(ServerRow())

    with pytest.raises(ServiceUnavailable) as caught:
        await die()
    await killer.stop()
    assert caught.value.headers["Retry-After"] == "1"
    async with server.session() as db:
        assert (await db.exec(select(ServerRow))).all() == []


async def test_a_statement_that_takes_too_long_is_a_503(server: Database) -> None:
    """The server ends it."""
    impatient = Database(server.url, statement_timeout_s=0.2)
    await impatient.start()
    with pytest.raises(ServiceUnavailable):
        async with impatient.session() as db:
            await run(db, slow(server))
    with pytest.raises(ServiceUnavailable):
        async with impatient.reader() as reader:
            await run(reader, slow(server))
    await impatient.stop()


async def test_a_row_that_stays_locked_is_a_503(server: Database) -> None:
    """After ``timeout_s``; a reader does not wait at all."""
    impatient = Database(server.url, timeout_s=1)
    await impatient.start()
    async with server.session() as db:
        await db.add(ServerRow(id=1))
    async with server.session() as holder:
        await holder.get(ServerRow, 1, lock=True)
        async with impatient.reader() as reader:
            assert await reader.get(ServerRow, 1) is not None
        with pytest.raises(ServiceUnavailable):
            async with impatient.session() as db:
                await db.one(select(ServerRow).where(ServerRow.id == 1), lock=True)
    await impatient.stop()


async def test_when_no_connection_is_free_it_is_a_503(server: Database) -> None:
    # Connecting takes its time on a busy machine, and has no more of it than the wait.
    small = Database(server.url, pool_size=1, timeout_s=1)
    await small.start()
    async with small.session() as holder:
        await holder.exec(select(ServerRow))
        with pytest.raises(ServiceUnavailable):
            async with small.session() as db:
                await db.exec(select(ServerRow))
    await small.stop()


async def test_of_two_that_wait_for_each_other_one_succeeds_and_one_is_a_503(server: Database) -> None:
    """The server finds the deadlock; the loser may simply send its request again."""
    async with server.session() as db:
        for number in (1, 2):
            await db.add(ServerRow(id=number))
    both = asyncio.Barrier(2)

    async def touch(first: int, second: int) -> None:
        async with server.session() as db:
            row = await db.get(ServerRow, first, lock=True)
            assert row is not None
            await both.wait()
            other = await db.get(ServerRow, second, lock=True)
            assert other is not None
            row.n += 1
            other.n += 1

    outcomes = await asyncio.gather(touch(1, 2), touch(2, 1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [ServiceUnavailable]
    async with server.reader() as reader:
        assert list(await reader.exec(select(ServerRow.n).order_by(col(ServerRow.id)))) == [1, 1]


async def test_a_locked_row_is_read_as_it_is_now(server: Database) -> None:
    """Also when this session has read it before."""
    async with server.session() as db:
        await db.add(ServerRow(id=1))
    async with server.session() as db:
        seen = await db.get(ServerRow, 1)
        assert seen is not None
        async with server.session() as other:
            row = await other.get(ServerRow, 1, lock=True)
            assert row is not None
            row.n = 5
        assert (await db.one(select(ServerRow), lock=True)).n == 5
        assert seen.n == 5


async def test_text_is_compared_letter_by_letter(server: Database) -> None:
    """MariaDB by itself would take A for a."""
    async with server.session() as db:
        for slug in ("velox", "Velox", "vel\u00f6x"):
            await db.add(ServerRow(slug=slug))
        assert len((await db.exec(select(ServerRow).where(ServerRow.slug == "Velox"))).all()) == 1


async def test_a_unique_index_names_its_field(server: Database) -> None:
    """A constraint tells its name only."""
    async with server.session() as db:
        await db.add(ServerRow(id=7, slug="a"))
    for row, field in ((ServerRow(slug="a"), "/slug"), (ServerRow(id=7), "/id")):
        with pytest.raises(Conflict) as caught:
            async with server.session() as db:
                await db.add(row)
        assert [error.pointer for error in caught.value.errors] == [field]


async def test_text_that_is_too_long_is_a_422(server: Database) -> None:
    row = ServerRow()
    row.name = "eleven chars"
    with pytest.raises(ValidationProblem, match="more than the database can store"):
        async with server.session() as db:
            await db.add(row)


async def test_a_mistake_in_a_statement_is_ours(server: Database) -> None:
    """No problem for the client."""
    with pytest.raises(DBAPIError):
        async with server.session() as db:
            await run(db, "SELECT nothing FROM nowhere")


async def test_the_room_for_connections_is_known(server: Database) -> None:
    """For ``velox doctor``, which multiplies."""
    room = await server.room()
    assert room is not None
    assert room.worker == 10
    assert room.server > 10


async def test_times_are_in_utc(server: Database) -> None:
    """Whatever the server's own zone is."""
    async with server.session() as db:
        zone = "SHOW TIMEZONE" if "postgresql" in server.url else "SELECT @@time_zone"
        assert (await run(db, zone))[0][0] in {"UTC", "Etc/UTC", "+00:00"}
