"""``Worker``: claims jobs, runs them, renews their leases and hands in their outcomes.

    claim ──▶ a turn, if the task has a rate ──▶ attempt (as many at once as it has slots) ──▶ finish, in groups
                 └── renewed every third of a lease, until it is finished

It holds no more jobs than it has slots, so nothing waits in a worker while another one is idle.

Whether a job kills its workers, or only ran beside one that does, nobody can tell from outside. So a job on its last
delivery is run alone: the guilty one dies alone, and the others are done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from velox.tasks.attempting import attempt
from velox.tasks.message import Delivery, Outcome
from velox.tasks.post import Post
from velox.tasks.state import State
from velox.tasks.turns import held_up, is_rated

__all__ = ["Worker"]

logger = logging.getLogger("velox")

T = TypeVar("T")

POLL_S = 0.25
"""How long a worker without work waits until it looks again, unless it is nudged."""
PAUSE_S = 1.0
"""How long a worker waits when its queue does not answer."""
GATHER_S = 0.002
"""How long a busy worker waits for more slots to become free: of short jobs it claims many at once then."""
UNFINISHED = 1_000
"""Outcomes that may wait to be written; then no more jobs are claimed."""


class Worker:
    """Runs jobs in this event loop.

    Args:
        post: The app's tasks, started.
        queues: The queues that it takes jobs from. None: those of all tasks.
        concurrency: The most jobs at once. None: as the app's rules say.
        grace_s: How long running jobs may take to finish at the end, in seconds. None: as the app's rules say.
    """

    def __init__(
        self,
        post: Post,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int | None = None,
        grace_s: float | None = None,
    ) -> None:
        self.post = post
        self.queues = [*(queues or post.queues)]
        self.concurrency = concurrency or post.rules.concurrency
        self.grace_s = post.rules.grace_s if grace_s is None else grace_s
        self._running: dict[Delivery, asyncio.Task[None]] = {}
        self._suspect: Delivery | None = None
        self._asking: list[Delivery] = []
        self._outcomes: list[Outcome] = []
        self._finishing: list[Outcome] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._stopped = False
        self._is_down = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Running jobs may finish within the grace period then; others are handed back."""
        helpers = [asyncio.create_task(self._renew()), asyncio.create_task(self._finish())]
        try:
            await self._claim(stop)
            await self._drain()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    @property
    def is_down(self) -> bool:
        """Whether the queue did not answer when it was last asked."""
        return self._is_down

    # Claiming

    async def _claim(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                free = self.concurrency - len(self._running)
                if free <= 0 or len(self._outcomes) > UNFINISHED:
                    await self._first(stopped, self._change())
                    continue
                if self._running and free < self.concurrency // 2:
                    await self._first(stopped, asyncio.sleep(GATHER_S))
                    free = self.concurrency - len(self._running)
                claimed: list[Delivery] = await self._answered(partial(self.post.engine.claim, self.queues, free), [])
                claimed = await self._in_turn(claimed)
                suspects = [each for each in claimed if self._is_suspect(each)]
                for delivery in claimed:
                    if delivery not in suspects:
                        self._begin(delivery)
                if suspects:
                    await self._run_alone(suspects, stopped)
                if self._is_down:
                    await self._first(stopped, asyncio.sleep(PAUSE_S))
                elif not claimed:
                    await self._first(stopped, self.post.engine.wait(POLL_S))
        finally:
            stopped.cancel()

    async def _in_turn(self, claimed: list[Delivery]) -> list[Delivery]:
        """Those that may start now; the others wait elsewhere until it is their turn."""
        self._asking = [each for each in claimed if is_rated(self.post, each)]
        if not self._asking:
            return claimed
        later = await self._answered(partial(held_up, self.post, self._asking), None)
        if later is None:  # without the database nobody knows whose turn it is
            later = [Outcome(each, State.QUEUED, self.post.now_s()) for each in self._asking]
        self._asking = []
        if later:
            self._outcomes += later
            self._changed()
        waiting = {each.delivery for each in later}
        return [each for each in claimed if each not in waiting]

    def _is_suspect(self, delivery: Delivery) -> bool:
        """Whether it has been there whenever its worker died, and dies itself the next time."""
        limit = self.post.rules.max_deliveries
        return limit > 1 and delivery.deliveries == limit

    async def _run_alone(self, suspects: list[Delivery], stopped: asyncio.Task[bool]) -> None:
        """Run one suspect with nothing beside it, so that a job that kills workers takes no innocent ones along."""
        self._suspect, *others = suspects
        now_s = self.post.now_s()
        self._outcomes += [Outcome(each, State.QUEUED, now_s) for each in others]
        self._changed()
        while not stopped.done() and (self._running or self._outcomes or self._finishing):
            await self._first(stopped, self._change())
        suspect, self._suspect = self._suspect, None
        if stopped.done() or not await self._answered(self._held_off, otherwise=False):
            self._outcomes.append(Outcome(suspect, State.QUEUED, now_s))
            self._changed()
            return
        self._begin(suspect)
        while not stopped.done() and self._running:
            await self._first(stopped, self._change())

    async def _held_off(self) -> bool:
        await self.post.engine.hold_off()
        return True

    async def _first(self, stopped: asyncio.Task[bool], wait: Awaitable[None]) -> None:
        """Wait for something, or until it is time to stop."""
        waiting = asyncio.ensure_future(wait)
        await asyncio.wait([stopped, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            await asyncio.wait([waiting])
        elif waiting.exception() is not None:
            # Who cannot be waited for is asked again a little later, and says then what is wrong.
            await asyncio.sleep(POLL_S)

    def _change(self) -> asyncio.Future[None]:
        """The next change of what runs or is finished: whoever asks now misses none."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        return change

    def _changed(self) -> None:
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)

    async def _answered(self, ask: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """What the queue answers. An outage is logged once, not each time."""
        try:
            answer = await ask()
        except Exception as error:  # noqa: BLE001 - a queue that is down comes back; the worker stays
            if not self._is_down:
                logger.warning("the queue does not answer: %s: %s", type(error).__name__, error)
            self._is_down = True
            return otherwise
        if self._is_down:
            logger.info("the queue answers again")
        self._is_down = False
        return answer

    # Running

    def _begin(self, delivery: Delivery) -> None:
        counters, message = self.post.counters, delivery.message
        counters.started += 1
        counters.running += 1
        if message.failures == 0 and delivery.deliveries == 1:
            counters.note_first_start(max(0.0, self.post.now_s() - message.created_at_s))
        self._running[delivery] = asyncio.create_task(self._run(delivery), name=f"job {message.id}")

    async def _run(self, delivery: Delivery) -> None:
        outcome = await attempt(self.post, delivery, lambda: self._stopped or delivery not in self._running)
        counters = self.post.counters
        counters.running -= 1
        match outcome.state:
            case State.SUCCEEDED:
                counters.succeeded += 1
            case State.RETRYING:
                counters.retried += 1
            case State.DEAD:
                counters.dead += 1
            case _:
                counters.handed_back += 1
        # Lost: somebody else has the job, and its outcome is theirs.
        if self._running.pop(delivery, None) is not None:
            self._outcomes.append(outcome)
        self._changed()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.post.rules.lease_s / 3)
            held = [*self._running, *self._asking, *(each.delivery for each in [*self._outcomes, *self._finishing])]
            if self._suspect is not None:
                held.append(self._suspect)
            if held:
                lost: list[Delivery] = await self._answered(partial(self.post.engine.renew, held), [])
                self._give_up([each for each in lost if each in self._running])

    def _give_up(self, lost: list[Delivery]) -> None:
        for delivery in lost:
            logger.warning("job %s lost its lease: it is left to who has it now", delivery.message.id)
            task = self._running.pop(delivery)
            task.cancel()

    # Finishing

    async def _finish(self) -> None:
        while True:
            while not self._outcomes:
                await self._change()
            self._finishing, self._outcomes = self._outcomes, []
            while not await self._answered(self._hand_in, otherwise=False):  # noqa: ASYNC110 - nobody tells of its return
                await asyncio.sleep(PAUSE_S)
            self._finishing = []
            self._changed()

    async def _hand_in(self) -> bool:
        await self.post.engine.finish(self._finishing)
        return True

    async def _drain(self) -> None:
        """Let running jobs finish, interrupt those that do not, and hand in all outcomes."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self.grace_s)
        await self._answered(self._held_off, otherwise=False)
        self._stopped = True
        left = list(self._running.values())
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        try:
            async with asyncio.timeout(max(self.grace_s, PAUSE_S)):
                while self._outcomes or self._finishing:
                    await self._change()
        except TimeoutError:
            logger.warning("the queue did not take %d outcomes: these jobs run again", len(self._finishing))
