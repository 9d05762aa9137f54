"""``Crew``: a worker and a keeper of the clock, as background tasks of an event loop that does other things, too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from velox.tasks.keeper import Keeper
from velox.tasks.post import Post
from velox.tasks.worker import Worker

__all__ = ["Crew"]

logger = logging.getLogger("velox")

ANSWER_S = 2.0
"""How long the queue may take to answer a probe."""


class Crew:
    """Runs an app's jobs and schedules until it is stopped.

    Args:
        post: The app's tasks.
        grace_s: How long running jobs may take to finish at the end, in seconds; others are handed back.
        queues, concurrency: As for :class:`~velox.tasks.worker.Worker`.
        works: False only keeps the clock.
    """

    def __init__(
        self,
        post: Post,
        grace_s: float,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int | None = None,
        works: bool = True,
    ) -> None:
        self._post = post
        self._keeper = Keeper(post)
        self._worker = Worker(post, queues=queues, concurrency=concurrency, grace_s=grace_s) if works else None
        self._stop = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; in the loop that runs."""
        self._stop = asyncio.Event()
        self._running = [asyncio.create_task(self._keeper.run(self._stop), name="velox-keeper")]
        if self._worker is not None:
            self._running.append(asyncio.create_task(self._worker.run(self._stop), name="velox-worker"))

    def drain(self) -> None:
        """Begin nothing new."""
        self._stop.set()

    async def stop(self) -> None:
        """Drain, and wait until all is handed in."""
        self.drain()
        for failure in await asyncio.gather(*self._running, return_exceptions=True):
            if isinstance(failure, BaseException):
                logger.error("a worker failed", exc_info=failure)
        self._running = []

    async def wait(self) -> None:
        """Wait until it is asked to stop, or cannot go on."""
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stopped, *self._running], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    async def ready(self) -> str | None:
        """``None`` when it works and its queue answers, else why not."""
        reason = self.reason()
        if reason is not None:
            return reason
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._post.engine.ready()
        except TimeoutError:
            return f"the queue does not answer within {ANSWER_S:g} s"

    def reason(self) -> str | None:
        """Why it does not work at the moment; None when it does."""
        if self._stop.is_set():
            return "draining"
        if any(task.done() for task in self._running):
            return "a part of it has failed"
        return "the queue does not answer" if self._worker is not None and self._worker.is_down else None
