"""What a task and its jobs need of the post: a protocol, so that they do not depend on all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from velox.tasks.message import Found, Keyed
from velox.tasks.parameters import Plan

__all__ = ["Office"]


class Office(Protocol):
    """Where jobs are handed in and asked about; :class:`~velox.tasks.post.Post` is one."""

    @property
    def plans(self) -> Mapping[str, Plan]:
        """How tasks' arguments travel, by the tasks' names."""

    def now_s(self) -> float:
        """The time, in seconds since 1970."""

    async def put(self, jobs: Sequence[Keyed]) -> list[tuple[str, bool]]:
        """Enqueue jobs. Returns each one's id, and whether it is new."""

    async def look(self, id: str) -> Found:
        """A job's row. Raises JobNotFound."""

    def result_of(self, task: str, result: str | None) -> Any:
        """What a task returned."""
