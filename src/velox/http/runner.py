"""Runs a connection's coroutines in one Task, and their first step at once.

A Task's first step waits for the loop's next round: 2.5 µs and a full turn of the loop, though most handlers are
done in that one step. So it is run right where the request was read, with the Task as ``current_task()``: timeouts,
task groups and AnyIO need a real one. Only a coroutine that has to wait goes on in the Task itself. Stock Sanic too has
one Task a connection; unlike there, every request has a context of its own.

parked ──first step──▶ done: parked again
             └────────▶ waits: the Task is woken, and takes over ──▶ done: parked again
"""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task  # documented under "Extending asyncio"
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any

__all__ = ["Runner", "Work"]

Work = Coroutine[Any, Any, Any]
Done = Callable[[Any, BaseException | None], Work | None]


class Runner(Coroutine[Any, Any, None]):
    """A Task's coroutine that runs others, one after the other.

    Args:
        loop: The loop.
        done: Called with what a coroutine returned, or raised; it may give the next one to run.
    """

    __slots__ = ("_base", "_closed", "_context", "_done", "_loop", "_task", "_waits", "_waits_for", "_wake", "work")

    def __init__(self, loop: asyncio.AbstractEventLoop, done: Done) -> None:
        self._loop = loop
        self._done = done
        self._base = copy_context()
        self._context: Context = self._base.copy()  # the Task itself is in the other
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._waits = False
        self._waits_for: Any = None
        self._closed = False
        self.work: Work | None = None
        """The coroutine that runs; ``None`` when parked."""

    def renew_context(self) -> Context:
        """A context for the next request; what earlier ones set is not in it."""
        self._context = self._base.copy()
        return self._context

    def start(self, work: Work) -> None:
        """Run ``work``, its first step now. Nothing else may be running here."""
        task = self._task
        if task is None or task.done():
            self._wake = None
            task = self._task = asyncio.Task(self, loop=self._loop, context=self._base)
            # The loop may be closed before the last client goes; that is no fault of anybody's.
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.work = work
        try:
            _enter_task(self._loop, task)
        except RuntimeError:  # another Task feeds the connection, as a test may
            self._loop.call_soon(self.start, work)
            return
        try:
            waits_for = self._advance(work.send, None)
        finally:
            _leave_task(self._loop, task)
        if self.work is not None:
            self._waits, self._waits_for = True, waits_for
            if self._wake is not None and not self._wake.done():
                self._wake.set_result(None)

    def cancel(self) -> None:
        """Cancel what runs."""
        if self._task is not None and self.work is not None:
            self._task.cancel()

    def end(self, *, cancels: bool = True) -> None:
        """Cancel what runs, unless it ends by itself, and let the Task end."""
        self._closed = True
        if self.work is not None:
            if cancels:
                self.cancel()
        elif self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _advance(self, step: Callable[[Any], Any], argument: Any) -> Any:
        """Run until something has to be waited for, which is returned; or until there is nothing left to run."""
        while True:
            try:
                return self._context.run(step, argument)
            except StopIteration as stop:
                following = self._done(stop.value, None)
            except (KeyboardInterrupt, SystemExit):
                self.work = None
                raise
            except BaseException as error:  # noqa: BLE001 - it is handed on
                following = self._done(None, error)
            self.work = following
            if following is None:
                return None
            step, argument = following.send, None

    def _go_on(self, step: Callable[[Any], Any], argument: Any) -> Any:
        waits_for = self._advance(step, argument)
        return waits_for if self.work is not None else self._park()

    def _park(self) -> Any:
        if self._closed:
            raise StopIteration
        wake = self._wake = self._loop.create_future()
        wake._asyncio_future_blocking = True  # what `await` sets, so that a Task waits for it
        return wake

    # What the Task calls

    def send(self, value: None) -> Any:
        if self._waits:
            self._waits, waits_for = False, self._waits_for
            self._waits_for = None
            return waits_for
        if self.work is None:
            return self._park()
        return self._go_on(self.work.send, None)

    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any:
        error = value if isinstance(value, BaseException) else kind
        if self.work is None:
            raise error
        if self._waits:
            # Cancelled between the first step and the Task's own: what is waited for has to hear of it.
            self._waits, waits_for = False, self._waits_for
            self._waits_for = None
            if waits_for is not None:
                waits_for.cancel()
                return waits_for
        return self._go_on(self.work.throw, error)

    def close(self) -> None:
        if self.work is not None:
            self.work.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise NotImplementedError  # only a Task drives it
