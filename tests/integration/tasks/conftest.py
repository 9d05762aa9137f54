"""An app with tasks on each kind of queue, and its crew."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, delete

from benchmarks.chaos.jobs.post import QUEUES, is_there
from velox import Settings, Velox
from velox.db import Database, Field, Model
from velox.tasks import Task
from velox.tasks.crew import Crew
from velox.tasks.sql.table import tables_in

Require = Callable[[object, str], None]
AnyTask = Task[..., Any, Any]


class QueueRow(Model, table=True):
    """What a job may write."""

    id: int | None = Field(default=None, primary_key=True)
    n: int


_there: dict[str, bool] = {}


@pytest.fixture
def anyio_backend() -> str:
    """Velox runs on asyncio."""
    return "asyncio"


@pytest.fixture(params=list(QUEUES))
def queue(request: pytest.FixtureRequest, require: Require) -> str:
    """Each queue whose server answers; where the database is meant, it is SQLite."""
    return needed(request.param, require)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb", "redis", "rabbitmq"])
def kind(request: pytest.FixtureRequest, require: Require) -> str:
    """The same, with each database as the queue."""
    name: str = request.param
    return name if name not in QUEUES else needed(name, require)


def needed(name: str, require: Require) -> str:
    if name not in _there:
        _there[name] = name == "database" or is_there(name)
    require(_there[name], f"no {name} at {QUEUES[name]}")
    return name


class Office:
    """Apps on one database and one queue.

    Attributes:
        settings: Of the next app.
    """

    def __init__(self, database_url: str, queue: str, stack: AsyncExitStack) -> None:
        self.name = f"t{secrets.token_hex(5)}"
        self.queue = queue
        self.settings: dict[str, Any] = {
            "env": "test",
            "database_url": database_url,
            "database_timeout_s": 30.0,
            "create_tables": False,  # other tests' tables are in this process, too
            "queue_url": QUEUES[queue],
            "job_lease_s": 1.0,
            "grace_s": 2.0,
        }
        self._stack = stack

    def make(self, *tasks: AnyTask) -> Velox:
        """An app with these tasks, not started."""
        app = Velox(self.name, Settings(**self.settings))
        for each in tasks:
            app.register_task(each)
        return app

    async def open(self, *tasks: AnyTask) -> Velox:
        """A started app with these tasks; nobody works yet."""
        app = self.make(*tasks)
        await self._stack.enter_async_context(app.lifespan())
        return app

    @asynccontextmanager
    async def at_work(self, app: Velox, **options: Any) -> AsyncIterator[Crew]:
        """A crew for ``app``."""
        crew = Crew(app.jobs, options.pop("grace_s", 2.0), **options)
        crew.start()
        try:
            yield crew
        finally:
            await crew.stop()


@asynccontextmanager
async def opened(database_url: str, queue: str) -> AsyncIterator[Office]:
    await furnish(database_url)
    async with AsyncExitStack() as stack:
        office = Office(database_url, queue, stack)
        yield office
    await forget(office)


@pytest.fixture
async def office(
    tmp_path: Path, kind: str, require: Require, server_databases: Callable[[str], str | None]
) -> AsyncIterator[Office]:
    """On each kind of queue."""
    if kind not in ("postgresql", "mariadb"):
        async with opened(f"sqlite:///{tmp_path / 'jobs.db'}", "database" if kind == "sqlite" else kind) as found:
            yield found
        return
    url = server_databases(kind)
    require(url, f"no {kind}")
    async with opened(str(url), "database") as found:
        yield found
    await empty(str(url))


async def furnish(url: str) -> None:
    """Make the tables of the queue, and the one that jobs write to."""
    tables = MetaData(naming_convention=Model.metadata.naming_convention)
    for table in (*tables_in(Model.metadata).every, Model.metadata.tables[str(QueueRow.__tablename__)]):
        table.to_metadata(tables)
    database = Database(url)
    await database.start()
    try:
        await database.create_tables(tables)
    finally:
        await database.stop()


async def empty(url: str) -> None:
    """Delete all rows: the next test has the same database."""
    database = Database(url)
    await database.start()
    try:
        async with database.session() as session:
            connection = await session.connection()
            for table in tables_in(Model.metadata).every:
                await connection.execute(delete(table))
            await connection.execute(delete(QueueRow))
    finally:
        await database.stop()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    """On the database alone, for what has nothing to do with the queue."""
    async with opened(f"sqlite:///{tmp_path / 'jobs.db'}", "database") as found:
        yield found


async def forget(office: Office) -> None:
    """Leave nothing in a server that others use, too."""
    url = QUEUES[office.queue]
    if office.queue == "redis":
        from redis.asyncio import Redis

        async with Redis.from_url(url) as client:
            async for key in client.scan_iter(f"velox:{{{office.name}}}:*"):
                await client.delete(key)
    elif office.queue == "rabbitmq":
        import aio_pika

        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            for name in ("default", "slow", "dead-letters"):
                await channel.queue_delete(f"velox.{office.name}.{name}")
