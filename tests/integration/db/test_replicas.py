"""Readers use replicas; whoever writes sees what was written."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from velox import Settings, Velox
from velox.db import Database, Field, Model, Reader, Session, select
from velox.errors import ServiceUnavailable
from velox.testing import TestClient


class ReplicaRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    place: str


OWN = MetaData()
"""Other tests' tables are in this process, too."""
ReplicaRow.__table__.to_metadata(OWN)


async def opened(url: str, place: str) -> Database:
    """A database with one row that says which it is: here a replica never catches up, so reading tells."""
    database = Database(url)
    await database.start()
    await database.create_tables(OWN)
    async with database.session() as db:
        await db.add(ReplicaRow(place=place))
    return database


@pytest.fixture
async def urls(tmp_path: Path) -> AsyncIterator[list[str]]:
    """The primary's and two replicas'."""
    names = ("primary", "first", "second")
    found = [f"sqlite:///{tmp_path}/{name}.db" for name in names]
    databases = [await opened(url, name) for url, name in zip(found, names, strict=True)]
    yield found
    for database in databases:
        await database.stop()


async def place(database: Database, *, fresh: bool = False) -> str:
    async with database.reader(fresh=fresh) as db:
        return (await db.one(select(ReplicaRow))).place


async def test_readers_take_turns_at_the_replicas(urls: list[str]) -> None:
    """Sessions do not, and neither does a reader that wants the newest."""
    database = Database(urls[0], replica_urls=urls[1:])
    await database.start()
    assert sorted([await place(database) for _ in range(4)]) == ["first", "first", "second", "second"]
    assert await place(database, fresh=True) == "primary"
    async with database.session() as db:
        assert (await db.one(select(ReplicaRow))).place == "primary"
        assert await place(database) == "primary"
    async with database.isolated():
        assert await place(database) == "primary"
    await database.stop()


async def test_a_request_with_a_session_reads_from_the_primary(urls: list[str]) -> None:
    """In whichever order it asks for the two, and also when only a provider asks."""
    app = Velox("replicated", Settings(env="test", database_url=urls[0], database_replica_urls=tuple(urls[1:])))

    class Author:
        """Made with the request's session."""

    def author(db: Session) -> Author:
        return Author()

    app.provide(author)

    @app.get("/reads")
    async def reads(reader: Reader) -> str:
        return (await reader.one(select(ReplicaRow))).place

    @app.get("/writes")
    async def writes(reader: Reader, db: Session) -> str:
        return (await reader.one(select(ReplicaRow))).place

    @app.get("/provided")
    async def provided(reader: Reader, author: Author) -> str:
        return (await reader.one(select(ReplicaRow))).place

    async with app.lifespan(), TestClient(app) as client:
        assert {(await client.get("/reads")).text for _ in range(2)} == {'"first"', '"second"'}
        assert {(await client.get("/writes")).text for _ in range(2)} == {'"primary"'}
        assert {(await client.get("/provided")).text for _ in range(2)} == {'"primary"'}


async def test_a_replica_that_is_away_is_left_out_until_it_is_back(
    urls: list[str], url_of: Callable[[str], str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one line in the log; only a statement that it was working on fails."""
    monkeypatch.setattr("velox.db.replicas._ASK_AGAIN_S", 0.05)
    replica = await opened(url_of("postgresql"), "replica")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = replica.engine.url
    there = server.set(port=port, password="hunter2").render_as_string(hide_password=False)
    database = Database(urls[0], replica_urls=[there])
    with caplog.at_level(logging.WARNING, "velox.db"):
        await database.start()
        assert [await place(database) for _ in range(3)] == ["primary"] * 3
    assert len(caplog.records) == 1
    assert "is away" in caplog.text
    assert "hunter2" not in caplog.text

    wires: set[asyncio.StreamWriter] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, beyond = await asyncio.open_connection(server.host, server.port or 5432)
        wires.update((writer, beyond))

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, beyond), pump(behind, writer))

    async def until(expected: str) -> None:
        deadline = time.monotonic() + 20
        found = ""
        while found != expected:
            assert time.monotonic() < deadline
            with contextlib.suppress(ServiceUnavailable):
                found = await place(database)
            await asyncio.sleep(0.02)

    async with await asyncio.start_server(pass_on, "127.0.0.1", port) as proxy:
        await until("replica")
        proxy.close()
        for wire in wires:
            wire.close()
        await until("primary")
    await database.stop()
    async with replica.session() as db:
        await db.delete(await db.one(select(ReplicaRow)))
    await replica.stop()
