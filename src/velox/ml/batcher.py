"""Concurrent rows, answered together: as many as are waiting when the model is free, and none of them waits for more.

Its states::

    idle ──row──▶ gathering ──the loop's next turn──▶ answering ──▶ idle, or answering what came meanwhile
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from velox.errors import InternalServerError, Problem, ServiceUnavailable

__all__ = ["Batcher", "Busy"]

RETRY_AFTER_S = 1

Answer = Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]

logger = logging.getLogger("velox.ml")


class Busy(ServiceUnavailable):
    """503: more rows are waiting than the model can answer in time, or it has not answered in time."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_AFTER_S)})


class Batcher:
    """Gathers rows of concurrent requests.

    A batch is what has come up to the moment the model is free: under load batches grow by themselves, and a row that
    comes alone is answered at once, unless ``max_wait_s`` says otherwise.

    Args:
        answer: Answers a batch; an error fails the batch, whose rows are then tried one by one.
        max_batch: The most rows of a batch.
        max_queue: The most rows that wait; the next gets a 503.
        max_wait_s: How long a row waits for others. 0: only for those that are already there.
        timeout_s: How long a row may take, waiting included; then it gets a 503.

    Attributes:
        batches, rows: How many were answered.
        waiting: Rows that are not answered yet.
    """

    def __init__(
        self, answer: Answer, *, max_batch: int, max_queue: int, max_wait_s: float = 0.0, timeout_s: float = 10.0
    ) -> None:
        self._answer = answer
        self.max_batch, self._max_queue = max_batch, max_queue
        self._max_wait_s, self._timeout_s = max_wait_s, timeout_s
        self._queue: deque[tuple[Any, asyncio.Future[Any]]] = deque()
        self._work: asyncio.Task[None] | None = None
        self.batches = self.rows = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def submit(self, row: Any) -> Any:
        """The answer for ``row``.

        Raises:
            Busy: The queue is full, or the answer takes too long.
            InternalServerError: The model failed on this row.
        """
        if len(self._queue) >= self._max_queue:
            raise Busy("The model has more rows waiting than it can answer.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.append((row, future))
        if self._work is None:
            self._work = loop.create_task(self._run())
        timer = loop.call_later(self._timeout_s, expire, future)
        try:
            return await future
        finally:
            timer.cancel()

    async def _run(self) -> None:
        try:
            if self._max_wait_s and len(self._queue) < self.max_batch:
                await asyncio.sleep(self._max_wait_s)
            while self._queue:
                count = min(len(self._queue), self.max_batch)
                taken = [self._queue.popleft() for _ in range(count)]
                batch = [(row, future) for row, future in taken if not future.done()]
                if batch:
                    await self._answer_batch(batch)
        finally:
            self._work = None

    async def _answer_batch(self, batch: Sequence[tuple[Any, asyncio.Future[Any]]]) -> None:
        self.batches += 1
        self.rows += len(batch)
        try:
            answers = await self._answer([row for row, _ in batch])
        except Exception as error:  # noqa: BLE001 - a row's own, whatever it is
            if len(batch) > 1:
                for one in batch:
                    if not one[1].done():
                        await self._answer_batch([one])
                return
            settle(batch[0][1], failure(error))
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                settle(future, answer)


def settle(future: asyncio.Future[Any], answer: Any) -> None:
    """Give the answer to whoever still waits."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def expire(future: asyncio.Future[Any]) -> None:
    settle(future, Busy("The model has not answered in time."))


def failure(error: Exception) -> Problem:
    """What the client learns of a model's error; the log has the rest."""
    if isinstance(error, Problem):
        return error
    logger.error("the model failed on a row", exc_info=error)
    problem = InternalServerError("The model failed on this row.")
    problem.__cause__ = error
    return problem
