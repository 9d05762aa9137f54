"""Workers of one queue as processes, and what their jobs left behind."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self

from benchmarks.chaos.running import SECRET

__all__ = ["QUEUES", "Post", "is_there"]

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 60.0
POLL_S = 0.02
LEASE_S = 1.0

QUEUES = {
    "database": "",
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0"),
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/"),
}
"""Where jobs may wait: a name, and the setting ``queue_url``."""


def is_there(queue: str, url: str | None = None) -> bool:
    """Whether the server behind a queue answers."""
    return asyncio.run(_answers(queue, QUEUES[queue] if url is None else url))


async def _answers(queue: str, url: str) -> bool:
    try:
        if queue == "redis":
            from redis.asyncio import Redis

            async with Redis.from_url(url, socket_connect_timeout=2) as client:
                return bool(await client.ping())
        if queue == "rabbitmq":
            import aio_pika

            await (await aio_pika.connect(url, timeout=2)).close()
    except (ImportError, OSError, Exception):  # noqa: BLE001 - whatever the reason, it is not there
        return False
    return True


class Post:
    """A project with a database and a queue of its own.

    Args:
        folder: Where it is written.
        queue: One of :data:`QUEUES`.
        url: Instead of the queue's own URL.
        database_url: An empty database. None: a SQLite file in ``folder``.
        settings: Further variables of the environment.
    """

    def __init__(
        self, folder: Path, queue: str, *, url: str | None = None, database_url: str | None = None, **settings: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.py").write_text("from benchmarks.chaos.jobs.main import create_app as create_app\n")
        self.folder = folder
        self.queue = queue
        self.database_url = database_url
        self.url = QUEUES[queue] if url is None else url
        self.name = f"chaos-{secrets.token_hex(4)}"
        self.log = folder / "chaos.log"
        self.output = folder / "output.log"
        self.log.touch()
        self.workers: list[subprocess.Popen[bytes]] = []
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VELOX_")}
        self.environment = {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "CHAOS_NAME": self.name,
            "CHAOS_LOG": str(self.log),
            "VELOX_SECRET_KEY": SECRET,
            "VELOX_ENV": "prod",
            "VELOX_DATABASE_URL": database_url or f"sqlite:///{folder / 'chaos.db'}",
            "VELOX_DATABASE_TIMEOUT_S": "30",
            "VELOX_CREATE_TABLES": "true",
            "VELOX_QUEUE_URL": self.url,
            "VELOX_JOB_LEASE_S": str(LEASE_S),
            "VELOX_JOB_CONCURRENCY": "16",
            "VELOX_GRACE_S": "5",
            **settings,
        }

    def __enter__(self) -> Self:
        # In a process of its own: whoever uses this may have tables of other projects in theirs.
        if self.start("shell", "-c", "pass").wait():
            raise RuntimeError(self.output.read_text())
        self.workers.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        asyncio.run(self._forget())

    # Processes

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start ``velox COMMAND`` in a process group of its own."""
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "velox", *command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.workers.append(process)
        return process

    def work(self, count: int = 1) -> None:
        """Start workers."""
        for _ in range(count):
            self.start("worker")

    def kill(self) -> None:
        """``kill -9`` whatever runs."""
        for process in self.workers:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        self.workers.clear()

    # Jobs

    @asynccontextmanager
    async def app(self) -> AsyncIterator[Any]:
        """The same app in this process, to enqueue with."""
        from benchmarks.chaos.jobs import main
        from velox import Settings

        given = {
            name.removeprefix("VELOX_").lower(): value
            for name, value in self.environment.items()
            if name.startswith("VELOX_")
        }
        given["create_tables"] = "false"
        os.environ["CHAOS_NAME"], os.environ["CHAOS_LOG"] = self.name, str(self.log)
        app = main.create_app(Settings(**given))  # type: ignore[arg-type] # they are parsed as in the environment
        async with app.lifespan():
            yield app

    def enqueue(self, task: str, arguments: Iterable[tuple[Any, ...]]) -> list[str]:
        """Enqueue jobs of a task, all at once; their ids."""

        async def run() -> list[str]:
            from velox.tasks import enqueue_many

            async with self.app() as app:
                found = app.jobs.tasks[task]
                return [job.id for job in await enqueue_many(found.draft(*each) for each in arguments)]

        return asyncio.run(run())

    # What is left

    def noted(self) -> Counter[str]:
        """What jobs noted, and how often."""
        return Counter(self.log.read_text("ascii").splitlines())

    def count(self, kind: str) -> int:
        """How many different lines begin with ``kind``."""
        return sum(line.startswith(kind) for line in self.noted())

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        if self.database_url is not None:
            return asyncio.run(self._ask(self.database_url, query))
        with closing(sqlite3.connect(self.folder / "chaos.db", timeout=30)) as connection:
            return connection.execute(query).fetchall()

    async def _ask(self, url: str, query: str) -> list[tuple[Any, ...]]:
        from velox.db import Database

        database = Database(url)
        await database.start()
        try:
            async with database.connection() as connection:
                return [tuple(row) for row in await connection.exec_driver_sql(query)]
        finally:
            await database.stop()

    def effects(self) -> Counter[int]:
        """How often each job has had its effect in the database."""
        return Counter(n for (n,) in self.ask("SELECT n FROM effect WHERE n >= 0"))

    def dead(self) -> list[tuple[str, str]]:
        """Task and error of each dead letter."""
        return [(task, error) for task, error in self.ask("SELECT task, error FROM velox_job WHERE state = 'dead'")]

    def until(self, holds: Callable[[], object], deadline_s: float = DEADLINE_S) -> float:
        """Poll until ``holds()``; the seconds it took.

        Raises:
            TimeoutError: With what the processes printed.
        """
        began_s = time.monotonic()
        while time.monotonic() - began_s < deadline_s:
            if holds():
                return time.monotonic() - began_s
            time.sleep(POLL_S)
        raise TimeoutError(f"not within {deadline_s:g} s; printed:\n{self.output.read_text()[-5000:]}")

    async def _forget(self) -> None:
        """Leave nothing in a server that others use, too."""
        if not await _answers(self.queue, self.url):
            return
        if self.queue == "redis":
            from redis.asyncio import Redis

            async with Redis.from_url(self.url) as client:
                async for key in client.scan_iter(f"velox:{{{self.name}}}:*"):
                    await client.delete(key)
        elif self.queue == "rabbitmq":
            import aio_pika

            async with await aio_pika.connect(self.url) as connection:
                channel = await connection.channel()
                for queue in ("default", "dead-letters"):
                    await channel.queue_delete(f"velox.{self.name}.{queue}")
