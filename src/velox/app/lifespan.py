"""What is opened when a worker starts, and closed when it stops.

Its states::

    starting ──start──▶ (ready) ──drain──▶ draining ──stop──▶ stopped
        └── a failing start undoes what was done, last first, and leaves ``starting``
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from velox.extension import Extension

__all__ = ["Lifespan"]

READY_TIMEOUT_S = 5.0
"""How long an extension may take to say that it is ready; orchestrators give up on a probe after about as long."""

Step = Callable[[], Awaitable[None]]

logger = logging.getLogger("velox")


class Lifespan:
    """Starts extensions, then hooks; stops hooks, then extensions in reverse order.

    Attributes:
        extensions: What has a life of its own, in the order of starting.
        on_start: Hooks, run after all extensions have started.
        on_stop: Hooks, run before anything is closed.
    """

    def __init__(self) -> None:
        self.extensions: list[Extension] = []
        self.on_start: list[Callable[..., Any]] = []
        self.on_stop: list[Callable[..., Any]] = []
        self._started: list[Step] = []
        self._not_ready: str | None = "starting"

    async def start(self, app: Any, *, prepare: Step, undo: Step) -> None:
        """Start everything.

        Args:
            app: What hooks are called with.
            prepare: Runs between the extensions and the hooks.
            undo: Undoes ``prepare``, also a failed one.

        Raises:
            Exception: Whatever the first failing step raises, after those before it were undone.
        """
        try:
            for extension in self.extensions:
                await extension.start()
                self._started.append(extension.stop)
            self._started.append(undo)
            await prepare()
            for hook in self.on_start:
                await call_hook(hook, app)
        except BaseException:
            await self._undo()
            raise
        self._not_ready = None

    def drain(self) -> None:
        """From now on not ready: a load balancer should send nothing new."""
        self._not_ready = "draining"

    async def stop(self, app: Any) -> None:
        """Stop everything that was started; a failing step is logged, and the others are still stopped."""
        self._not_ready = "stopped"
        if not self._started:
            return
        for hook in self.on_stop:
            try:
                await call_hook(hook, app)
            except Exception:
                logger.exception("the hook %s failed", getattr(hook, "__qualname__", hook))
        await self._undo()

    async def _undo(self) -> None:
        while self._started:
            step = self._started.pop()
            try:
                await step()
            except Exception:
                logger.exception("stopping failed at %s", getattr(step, "__qualname__", step))

    async def reasons(self) -> dict[str, str]:
        """Why it cannot serve, by extension; empty when it can."""
        if self._not_ready is not None:
            return {"app": self._not_ready}
        answers = await asyncio.gather(*(ask(extension) for extension in self.extensions))
        named = zip(self.extensions, answers, strict=True)
        return {extension.name: reason for extension, reason in named if reason is not None}


async def ask(extension: Extension) -> str | None:
    """Why ``extension`` is not ready. A check that fails or hangs is a reason too; its cause is for the log only."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            return await extension.ready()
    except TimeoutError:
        return f"no answer within {READY_TIMEOUT_S:g} s"
    except Exception:
        logger.exception("the readiness check of %s failed", extension.name)
        return "the check failed"


async def call_hook(hook: Callable[..., Any], app: Any) -> None:
    result = hook(app)
    if inspect.isawaitable(result):
        await result
