"""``Keeper``: what has to be done by the clock. Any number of processes may do it: the database says who was first.

every quarter of a second   queue what is due, and what dead workers held; fire schedules; send what a broker shall hold
every minute                delete what has been kept long enough
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from velox.tasks.message import Keyed, Message
from velox.tasks.post import Post

if TYPE_CHECKING:
    from velox.tasks.task import Task

__all__ = ["Keeper"]

logger = logging.getLogger("velox")

ROUND_S = 0.25
PURGE_S = 60.0
RELAYED = 500
"""Jobs that are sent to a broker at once."""


class Keeper:
    """Keeps the clock of an app's post."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self._is_down = False
        self._last_ticks: dict[str, float] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Keep it until ``stop`` is set."""
        next_purge_s = 0.0
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            await self._do(self.promote)
            await self._do(self.fire)
            if self.post.engine.holds:
                await self._do(self.relay)
            if loop.time() >= next_purge_s:
                await self._do(self.purge)
                next_purge_s = loop.time() + PURGE_S
            try:
                async with asyncio.timeout(ROUND_S):
                    await stop.wait()
            except TimeoutError:
                pass

    async def _do(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - the clock does not stop because the database is away
            if not self._is_down:
                logger.warning("the jobs' clock waits: %s: %s", type(error).__name__, error)
            self._is_down = True
        else:
            self._is_down = False

    async def promote(self) -> None:
        """Queue what is due."""
        post, now_s = self.post, self.post.now_s()
        async with post.connections.reading() as connection:
            if not await post.store.is_due(connection, now_s):
                return
        async with post.connections.writing() as connection:
            moved = await post.store.promote(connection, now_s)
        if moved:
            post.nudge()

    async def fire(self) -> None:
        """Enqueue scheduled tasks whose tick has come, once for all schedulers. After a pause, only the last tick."""
        now_s = self.post.now_s()
        for task in self.post.tasks.values():
            tick_s = task.schedule.last(now_s) if task.schedule is not None else None
            if tick_s is not None and await self._is_new(task.name, tick_s):
                await self._fire(task, tick_s)

    async def _is_new(self, task: str, tick_s: float) -> bool:
        """Whether the tick may not have been fired yet, as far as this process knows."""
        post = self.post
        if self._last_ticks is None:
            async with post.connections.reading() as connection:
                self._last_ticks = await post.store.last_ticks(connection)
        if task not in self._last_ticks:
            async with post.connections.writing() as connection:
                await post.store.begin_schedule(connection, task, post.now_s())
            self._last_ticks[task] = tick_s
        return tick_s > self._last_ticks[task]

    async def _fire(self, task: Task[..., object, object], tick_s: float) -> None:
        post, options = self.post, task.options
        message = Message(task.name, options.queue, "{}", rank=-options.priority, created_at_s=post.now_s())
        async with post.connections.writing() as connection:
            if await post.store.take_tick(connection, task.name, tick_s):
                await post.store.put(connection, [Keyed(message)])
                post.counters.enqueued += 1
        if self._last_ticks is not None:
            self._last_ticks[task.name] = tick_s
        post.nudge()

    async def relay(self) -> None:
        """Send what is queued in the database to the broker, and delete it when it is safe there."""
        post = self.post
        while True:
            async with post.connections.reading() as connection:
                if not await post.store.has_queued(connection):
                    return
            async with post.connections.writing() as connection:
                token, messages = await post.store.lend(connection, RELAYED, post.now_s(), post.rules.lease_s)
            if not messages:
                return
            try:
                await post.engine.send(messages)
            except Exception:
                async with post.connections.writing() as connection:
                    await post.store.take_back(connection, token)
                raise
            async with post.connections.writing() as connection:
                await post.store.forget(connection, token)

    async def purge(self) -> None:
        """Delete what has been kept long enough."""
        async with self.post.connections.writing() as connection:
            await self.post.store.purge(connection, self.post.now_s())
