"""``Draft``: a job before it is enqueued, and the enqueuing of many at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from velox.tasks.job import Job
from velox.tasks.message import KEY_LIFE_S, Keyed, Message, new_id
from velox.tasks.office import Office
from velox.tasks.options import Options

__all__ = ["Draft", "enqueue_many"]

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Draft(Generic[R]):
    """A job that is not enqueued yet: its arguments are checked and encoded. Made by :meth:`Task.draft`."""

    post: Office
    task: str
    payload: str
    options: Options
    delay_s: float | None = None
    at_s: float | None = None
    key: str | None = None

    def keyed(self) -> Keyed:
        """What is enqueued."""
        now_s = self.post.now_s()
        due_at_s = self.at_s if self.delay_s is None else now_s + self.delay_s
        options = self.options
        message = Message(
            self.task,
            options.queue,
            self.payload,
            id=new_id(now_s),
            rank=-options.priority,
            created_at_s=now_s,
            due_at_s=due_at_s if due_at_s is not None and due_at_s > now_s else None,
        )
        return Keyed(message, self._key(), KEY_LIFE_S if options.unique_for_s is None else options.unique_for_s)

    def _key(self) -> str | None:
        """The task's name and the key; for a unique task the arguments are the key."""
        if self.key is not None:
            return f"{self.task}:{self.key}"
        if self.options.unique_for_s is None:
            return None
        return f"{self.task}:sha256:{hashlib.sha256(self.payload.encode()).hexdigest()}"


async def enqueue_many(drafts: Iterable[Draft[R]]) -> list[Job[R]]:
    """Enqueue jobs together: ``await enqueue_many(send.draft(user) for user in users)``.

    One statement for all: of ten thousand, each costs a few microseconds. All are enqueued or none.

    Args:
        drafts: Of tasks of one app.

    Returns:
        Their handles, in order.
    """
    every: list[Draft[Any]] = list(drafts)
    if not every:
        return []
    post = every[0].post
    ids = await post.put([draft.keyed() for draft in every])
    return [Job(post, draft.task, job_id, is_new=is_new) for draft, (job_id, is_new) in zip(every, ids, strict=True)]
