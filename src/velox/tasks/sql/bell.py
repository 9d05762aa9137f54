"""PostgreSQL's NOTIFY, a hint that there are jobs. Polling stays the truth: a lost one costs a quarter of a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from velox.tasks.sql.connections import Connections

__all__ = ["Bell"]

logger = logging.getLogger("velox")

CHANNEL = "velox_job"
QUIET_S = 0.005
"""The least time between two notifications of a process: who enqueues a thousand jobs one by one rings a few times."""
AGAIN_S = 5.0
"""How long after its end a connection that listens is opened again."""


class Bell:
    """Rings at workers in other processes, and is heard from them. Silent where the database has no such thing.

    It is rung after the commit and by a statement of its own: in the job's transaction, all commits that notify would
    wait for each other (PostgreSQL has one lock for its queue of notifications).

    Args:
        connections: The database.
        heard: Called when somebody rang.
    """

    def __init__(self, connections: Connections, heard: Callable[[], object]) -> None:
        self._connections = connections
        self._heard = heard
        self._rings = False
        self._ringing: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    def ring(self) -> None:
        """Tell all who listen; soon, and once for many calls."""
        if not self._connections.can_notify:
            return
        self._rings = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring(), name="velox-notify")

    def listen(self) -> None:
        """Hear others from now on. May be called again."""
        if self._listening is None and self._connections.can_notify:
            self._listening = asyncio.create_task(self._listen(), name="velox-listen")

    async def stop(self) -> None:
        """Be silent, and hear nothing."""
        tasks = [task for task in (self._ringing, self._listening) if task is not None]
        self._ringing = self._listening = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ring(self) -> None:
        while self._rings:
            self._rings = False
            try:
                await self._connections.notify(CHANNEL)
            except Exception as error:  # noqa: BLE001 - whatever it is: the workers look by themselves
                logger.debug("workers were not told of new jobs: %s", error)
            await asyncio.sleep(QUIET_S)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._connections.listening(CHANNEL, self._heard) as ended:
                    self._heard()  # what came before it listened
                    await ended.wait()
            except Exception as error:  # noqa: BLE001 - whatever it is: the worker looks by itself
                logger.debug("new jobs are not told of: %s", error)
            await asyncio.sleep(AGAIN_S)
