"""``Jobs``: what was enqueued in a test, and running it there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from velox.tasks.attempting import attempt
from velox.tasks.job import JobFailed
from velox.tasks.keeper import Keeper
from velox.tasks.message import Delivery, Found
from velox.tasks.state import State
from velox.units import parse_duration

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["CapturedJob", "Jobs"]

ENDLESS = 10_000
"""Jobs that one ``run_all`` runs; whoever enqueues himself has no end."""

WAITING = (State.QUEUED, State.SCHEDULED, State.RETRYING)


@dataclass(frozen=True, slots=True)
class CapturedJob:
    """A job, as a test sees it."""

    id: str
    task: str
    """The task's name; ``endswith("send")`` is enough for most tests."""
    arguments: dict[str, Any]
    """As they travel, by name."""
    state: State
    queue: str
    error: str | None = None
    """Of its last failure."""


class Jobs:
    """The jobs of an app under test. Nothing runs by itself: they are captured until the test runs them.

    Args:
        app: The app, started and isolated, as the fixtures do it.

    Example:
        .. code-block:: python

            async def test_an_order_is_confirmed_by_mail(client, jobs):
                await client.post("/orders/", json={"article": 7})
                (job,) = await jobs.captured()
                assert job.arguments == {"order_id": 1}
                await jobs.run_all()
    """

    def __init__(self, app: Velox) -> None:
        self._post = app.jobs
        self._keeper = Keeper(app.jobs)

    async def captured(self) -> list[CapturedJob]:
        """The jobs that wait, in the order of enqueuing: those of committed transactions only."""
        return await self._in(WAITING)

    async def dead(self) -> list[CapturedJob]:
        """The dead letters."""
        return await self._in((State.DEAD,))

    async def run_all(self, *, raises: bool = True) -> list[CapturedJob]:
        """Run what is due, and what that enqueues, one after the other.

        Args:
            raises: Whether a failed job is raised. It waits for its next attempt (or is dead) either way.

        Returns:
            What was run, with the states that followed.

        Raises:
            JobFailed: A job failed; its traceback is in the message.
        """
        await self._keeper.fire()
        ran: list[str] = []
        while len(ran) < ENDLESS:
            await self._keeper.promote()
            claimed = await self._post.engine.claim(self._post.queues, 1)
            if not claimed:
                break
            ran += [await self._run(delivery, raises=raises) for delivery in claimed]
        async with self._post.connections.reading() as connection:
            found = [await self._post.store.find(connection, ran_id) for ran_id in ran]
        return [captured(job) for job in found if job is not None]

    async def _run(self, delivery: Delivery, *, raises: bool) -> str:
        # A task of its own: what it sets in its context is not the test's.
        outcome = await asyncio.create_task(attempt(self._post, delivery, lambda: False))
        await self._post.engine.finish([outcome])
        if raises and outcome.error is not None:
            raise JobFailed(f"{delivery.message.task} {delivery.message.payload} failed:\n{outcome.error}")
        return delivery.message.id

    def run_eagerly(self) -> None:
        """From now on run what is due after each request of a :class:`TestClient`."""

        async def run() -> None:
            await self.run_all()

        self._post.after_request = run

    async def move(self, duration: str | float | timedelta) -> None:
        """Let time pass for jobs: delays, retries, schedules, keys. The test's own clock stays."""
        await self._keeper.fire()  # a schedule begins when it is first seen
        self._post.clock_shift_s += parse_duration(duration)

    async def _in(self, states: tuple[State, ...]) -> list[CapturedJob]:
        async with self._post.connections.reading() as connection:
            found = await self._post.store.newest(connection, states, None, None, ENDLESS)
        return [captured(job) for job in reversed(found)]


def captured(job: Found) -> CapturedJob:
    return CapturedJob(job.id, job.task, json.loads(job.payload), job.state, job.queue, job.error)
