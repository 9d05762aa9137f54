"""``Job``: what ``enqueue`` gives back; and ``Attempt``: what a running task can ask for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from velox.errors import VeloxError
from velox.tasks.office import Office
from velox.tasks.state import State
from velox.units import parse_duration

__all__ = ["Attempt", "Job", "JobFailed", "JobNotFound", "NotStarted"]

R = TypeVar("R")

_FIRST_LOOK_S = 0.01
_LONGEST_LOOK_S = 0.5


class JobFailed(VeloxError):
    """The job that was waited for is dead or was cancelled; the message says why."""


class JobNotFound(VeloxError):
    """There is no such job: its transaction was rolled back, or it is done and its time to be kept is over."""


class NotStarted(VeloxError, RuntimeError):
    """A task was enqueued where no started app has it, or more than one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a job: a task with a parameter of this type is told.

    Attributes:
        job_id: The job's id: the same in each attempt, so a good idempotency key for services outside.
        task: The task's name.
        number: 1 for the first attempt.
    """

    job_id: str
    task: str
    number: int


class Job(Generic[R]):
    """A handle of an enqueued job.

    Attributes:
        id: The job's id.
        is_new: Whether this call enqueued it; False when a job with its key was there already.
    """

    __slots__ = ("_post", "_task", "id", "is_new")

    def __init__(self, post: Office, task: str, id: str, *, is_new: bool = True) -> None:
        self._post = post
        self._task = task
        self.id = id
        self.is_new = is_new

    def __repr__(self) -> str:
        return f"<Job {self.id} of {self._task}>"

    async def state(self) -> State:
        """Where the job is in its life.

        With a broker, a job that it holds is ``queued``, also while a worker runs it: a broker cannot be asked.

        Raises:
            JobNotFound: There is no such job.
        """
        return (await self._post.look(self.id)).state

    async def result(self) -> R | None:
        """What the task returned, or None when it returned nothing or is not done.

        Raises:
            JobNotFound: There is no such job.
        """
        found = await self._post.look(self.id)
        return self._post.result_of(self._task, found.result) if found.state is State.SUCCEEDED else None

    async def wait(self, timeout: str | float | timedelta = "30s") -> R:  # noqa: ASYNC109 - a duration, as everywhere
        """Wait until the job is done. Not for handlers: within an open transaction the job has not even been sent.

        Args:
            timeout: How long at most.

        Returns:
            What the task returned.

        Raises:
            JobFailed: It is dead, or was cancelled.
            JobNotFound: There is no such job.
            TimeoutError: It took longer.
        """
        look_s = _FIRST_LOOK_S
        async with asyncio.timeout(parse_duration(timeout)):
            while True:
                found = await self._post.look(self.id)
                if found.state is State.SUCCEEDED:
                    result: R = self._post.result_of(self._task, found.result)
                    return result
                if found.state in (State.DEAD, State.CANCELLED):
                    raise JobFailed(
                        f"{self._task} ({self.id}) is {found.state}: {found.error or 'no reason was given'}"
                    )
                await asyncio.sleep(look_s)
                look_s = min(2 * look_s, _LONGEST_LOOK_S)
