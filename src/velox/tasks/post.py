"""``Post``: an app's tasks, and the queue behind them; an extension of the app."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.tasks.counters import Counters
from velox.tasks.job import Attempt, JobNotFound
from velox.tasks.message import Found, Keyed, Message
from velox.tasks.parameters import Plan, Signature

if TYPE_CHECKING:
    from velox.tasks.engine import Engine
    from velox.tasks.sql.batch import Batch
    from velox.tasks.sql.connections import Connections
    from velox.tasks.sql.store import Store
    from velox.tasks.task import Task

__all__ = ["Callings", "Post", "Rules"]

logger = logging.getLogger("velox")


class Callings(Protocol):
    """How the app reads tasks and calls them; supplied by the app."""

    def read(self, task: Task[..., Any, Any]) -> Signature:
        """A task's signature. Raises ConfigurationError VX903 for a mistake in it."""

    async def call(
        self,
        task: Task[..., Any, Any],
        plan: Plan,
        arguments: dict[str, Any],
        attempt: Attempt,
        before_commit: Callable[[Any], Awaitable[None]],
    ) -> Any:
        """Call a task with its arguments and what is provided; what its Session wrote is committed afterwards.

        ``before_commit`` is called with the Session's connection, if the task has one.
        """


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all jobs of an app."""

    lease_s: float = 30.0
    """How long a worker holds a job without renewing, in seconds."""
    max_deliveries: int = 5
    """How many workers a job may kill before it is dead."""
    keep_s: float = 86_400.0
    """For how long jobs that are done are kept, in seconds."""
    grace_s: float = 30.0
    """How long jobs may take to finish when a worker stops, in seconds."""
    concurrency: int = 32
    """The most jobs that a worker runs at once."""


class Post:
    """The tasks of an app.

    Args:
        rules: What holds for all jobs.
        callings: How tasks are read and called.

    Attributes:
        tasks: The tasks, by name.
        plans: How their arguments travel, by name; complete after :meth:`compile`.
        counters: What this process has done.
        after_request: For tests: awaited after each request.
        clock_shift_s: For tests: how far the post's clock is ahead, in seconds.
        connections, store, engine: The database, the tables in it, and the queue; set by :meth:`use`.
    """

    name = "jobs"

    def __init__(self, rules: Rules, callings: Callings) -> None:
        self.rules = rules
        self.callings = callings
        self.tasks: dict[str, Task[..., Any, Any]] = {}
        self.plans: dict[str, Plan] = {}
        self.counters = Counters()
        self.clock_shift_s = 0.0
        self.after_request: Callable[[], Awaitable[None]] | None = None
        self._unsent = False
        self._queue_is_down = False

    def use(self, connections: Connections, store: Store, batch: Batch, engine: Engine) -> None:
        """Where jobs are kept."""
        self.connections = connections
        self.store = store
        self.engine = engine
        self._batch = batch

    def now_s(self) -> float:
        """The time, in seconds since 1970."""
        return time.time() + self.clock_shift_s

    @property
    def queues(self) -> list[str]:
        """The queues of all tasks."""
        return sorted({task.options.queue for task in self.tasks.values()})

    # Tasks

    def add(self, task: Task[..., Any, Any]) -> None:
        """Have a task. The same one may come again.

        Raises:
            ConfigurationError: VX902 when another one has its name.
        """
        known = self.tasks.setdefault(task.name, task)
        if known is not task:
            raise ConfigurationError(
                "VX902",
                f"{location_of(task.fn)}: the task is named {task.name!r}, as is the one at {location_of(known.fn)}",
                hint="Rename one of the functions, or pass name= to its decorator",
            )

    def compile(self) -> None:
        """Read all signatures. Raises ConfigurationError VX903 for the first mistake."""
        for name, task in self.tasks.items():
            if name not in self.plans:
                self.plans[name] = Plan(name, task.fn, self.callings.read(task))

    # Life

    async def start(self) -> None:
        if not self.tasks:
            return
        self.compile()
        await self.engine.start()
        for task in self.tasks.values():
            task.join(self)

    async def check(self) -> None:
        """Refuse to start without the tables.

        Raises:
            ConfigurationError: VX904, one is missing.
        """
        if not self.tasks:
            return
        async with self.connections.reading() as connection:
            missing = await self.store.missing(connection)
        if missing:
            raise ConfigurationError(
                "VX904",
                f"the app has tasks, and the database has no table {missing[0]}",
                hint="Create it: run the migrations, or set VELOX_CREATE_TABLES=true for one start",
            )

    async def stop(self) -> None:
        if not self.tasks:
            return
        for task in self.tasks.values():
            task.leave(self)
        await self.engine.stop()

    async def ready(self) -> str | None:
        """Always: while a broker is away, jobs are kept in the database, so no request has to fail for it.

        Whoever runs jobs asks :meth:`Crew.ready` as well.
        """
        return None

    # Enqueuing

    async def put(self, jobs: Sequence[Keyed]) -> list[tuple[str, bool]]:
        """Enqueue jobs, as :meth:`Task.enqueue` says. Returns each one's id, and whether it is new."""
        joined = await self.connections.joined()
        if joined is not None:
            ids = await self.store.put(joined, jobs)
            self._unsent = True
        elif await self._sent([job.message for job in jobs if job.key is None and job.message.due_at_s is None], jobs):
            ids = [(job.message.id, True) for job in jobs]
        else:
            ids = await self._batch.put(jobs)
            self.nudge()
        self.counters.enqueued += sum(is_new for _, is_new in ids)
        return ids

    async def _sent(self, direct: list[Message], jobs: Sequence[Keyed]) -> bool:
        """Whether a broker has taken the jobs: without a key or a delay, they need no row in the database."""
        if not self.engine.holds or len(direct) < len(jobs):
            return False
        try:
            await self.engine.send(direct)
        except Exception as error:  # noqa: BLE001 - whatever it is, the database keeps them until the broker is back
            if not self._queue_is_down:
                logger.warning("the queue does not take jobs: they wait in the database (%s)", error)
            self._queue_is_down = True
            return False
        if self._queue_is_down:
            logger.info("the queue takes jobs again")
        self._queue_is_down = False
        return True

    def committed(self) -> None:
        """A Session has committed: what was enqueued in it can be run."""
        if self._unsent:
            self._unsent = False
            self.nudge()

    def nudge(self) -> None:
        """There may be something to claim: let a worker of this process look at once."""
        self.engine.nudge()

    # Asking

    async def look(self, id: str) -> Found:
        """A job's row. Raises JobNotFound."""
        joined = await self.connections.joined()
        if joined is not None:
            found = await self.store.find(joined, id)
        else:
            async with self.connections.reading() as connection:
                found = await self.store.find(connection, id)
        if found is not None:
            return found
        if self.engine.holds:
            return self.store.held(id)
        raise JobNotFound(f"there is no job {id}: it was never committed, or is done and no longer kept")

    def result_of(self, task: str, result: str | None) -> Any:
        return self.plans[task].decode_result(result)
