"""Who uses a session, and what a transaction waits for while it is open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from velox.db.place import caller, is_library, place_of
from velox.errors import VeloxError

__all__ = ["SharedSession", "Use", "Watch"]

logger = logging.getLogger("velox.db")


class SharedSession(VeloxError):
    """A session is used by a second task while the first one still works with it.

    A transaction belongs to one line of work: what two tasks do in it at once would be mixed up, and committed or
    rolled back together.

    Args:
        first: Where the session was used first.
        here: Where it is used now.
    """

    def __init__(self, first: str, here: str) -> None:
        super().__init__(
            f"{here}: this session belongs to another task, which used it first at {first}. "
            "Open one of its own in this task: async with app.database.session() as db"
        )
        self.first = first
        self.here = here


class Watch:
    """Reports, once for each place, a transaction that stays open while its task waits for something else.

    Args:
        limit_s: Seconds that it may.
    """

    def __init__(self, limit_s: float = 0.05) -> None:
        self.limit_s = limit_s
        self._reported: set[str] = set()

    def report(self, task: asyncio.Task[Any]) -> None:
        place = waiting_at(task)
        if place is not None and place not in self._reported:
            self._reported.add(place)
            logger.warning(
                "%s: a transaction is open here for more than %d ms while its task waits for something else; "
                "others wait for its locks. Do this before the first statement, or after await db.commit(). "
                "What only reads needs no Session: ask for a Reader",
                place,
                self.limit_s * 1000,
            )


class Use:
    """One session's use: by which task, and since when its transaction waits.

    Args:
        watch: Who is told of a transaction that waits; ``None``: nobody.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self.guarded = True
        """Whether a second task is refused."""
        self._watch = watch
        self._task: asyncio.Task[Any] | None = None
        self._first: tuple[CodeType, int] | None = None
        self._depth = 0
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def statement(self, session: Any) -> Iterator[None]:
        """Around whatever talks to the database.

        Raises:
            SharedSession: Another task has used the session, and is not at its end.
        """
        self._check_task()
        self.rest()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._watch is not None and not self._depth and session.in_transaction():
                self._expect(self._watch)

    def rest(self) -> None:
        """Nothing is open any more, or somebody works with it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expect(self, watch: Watch) -> None:
        if self._task is not None:
            self._timer = asyncio.get_running_loop().call_later(watch.limit_s, watch.report, self._task)

    def _check_task(self) -> None:
        task = asyncio.current_task()
        if task is self._task or task is None:
            return
        if self._task is None or self._task.done() or not self.guarded:
            self._task = task
            frame = caller()
            self._first = (frame.f_code, frame.f_lineno)
            return
        first = place_of(*self._first) if self._first is not None else "an unknown place"
        here = caller()
        raise SharedSession(first, place_of(here.f_code, here.f_lineno))


def waiting_at(task: asyncio.Task[Any]) -> str | None:
    """Where ``task`` waits, as file and line of the innermost coroutine that no library wrote."""
    found: str | None = None
    awaited: Any = task.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        if not is_library(frame.f_code.co_filename):
            found = place_of(frame.f_code, frame.f_lineno)
        awaited = awaited.cr_await
    return found
