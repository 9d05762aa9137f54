"""A model in a process of its own: one that is slow, hangs, ends or wants all memory harms nobody else.

Its states::

    starting ──loaded, checked, warm──▶ idle ◀──▶ answering
        ▲                                            │ too late, or it ended
        └────────────── killed, replaced ◀───────────┘

What it says is msgpack, which is never executed. See :mod:`velox.ml.child` for the other end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from velox.errors import ConfigurationError, InternalServerError
from velox.ml.answers import Answer
from velox.ml.batcher import Busy
from velox.ml.childprocess import Child
from velox.ml.manifest import Manifest
from velox.ml.registry import Registry
from velox.ml.rows import Vector
from velox.ml.serving import Serving

__all__ = ["ModelProcess"]

AGAIN_S = 1.0
"""Before a process that could not be started is tried again."""

logger = logging.getLogger("velox.ml")


class ModelProcess:
    """A version's process, replaced whenever it has to be; see :class:`velox.ml.loaded.Answering`.

    Args:
        registry: Where the model is.
        manifest: The version.
        serving: Bounds and times.

    Attributes:
        replaced: How often it was.
    """

    mode = "batches in a process of its own"

    def __init__(self, registry: Registry, manifest: Manifest, serving: Serving) -> None:
        self._registry, self._manifest, self._serving = registry, manifest, serving
        self._name = f"{manifest.name}@{manifest.version}"
        self._child: Child | None = None
        self._starting: asyncio.Task[Child] | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._most_waiting = 1 + serving.max_queue // serving.max_batch
        self._waiting = 0
        self._closed = False
        self.typical: dict[str, Any] = {}
        self.one_row_s = self.batch_row_s = 0.0
        self.replaced = 0
        self._down: str | None = None

    async def start(self) -> None:
        """Begin, load, check the answers and warm up.

        Raises:
            ConfigurationError: What loading raises there; VX817 when it takes too long or too much memory.
        """
        try:
            self._child = await self._new_child()
        except BaseException:
            await self.close()
            raise

    def ready(self) -> str | None:
        return self._down

    async def answer(self, vectors: Sequence[Vector]) -> list[Answer]:
        """The answers to rows.

        Raises:
            Busy: More batches wait than may, it took too long, or the process is being replaced.
            InternalServerError: The model failed on the rows, or ended with them.
        """
        if self._waiting >= self._most_waiting:
            raise Busy("The model has more rows waiting than it can answer.")
        # Whoever asked may go away; the process is in the middle of an answer all the same.
        task = asyncio.get_running_loop().create_task(self._answer(vectors))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it was for who asked

    async def _answer(self, vectors: Sequence[Vector]) -> list[Answer]:
        self._waiting += 1
        try:
            async with self._turn:
                child = await self._running()
                try:
                    async with asyncio.timeout(self._serving.timeout_s):
                        reply = await child.ask(["answer", list(vectors)])
                except TimeoutError:
                    self._replace(f"it took more than {self._serving.timeout_s:g} s")
                    raise Busy("The model has not answered in time.") from None
                except (EOFError, OSError, msgspec.DecodeError) as error:
                    self._replace(f"it ended: {error!r}")
                    raise InternalServerError("The model ended on this row.") from error
        finally:
            self._waiting -= 1
        if reply[0] == "failed":
            logger.error("%s failed on a row: %s", self._name, reply[1])
            raise InternalServerError("The model failed on this row.")
        labels, shares = reply[1], reply[2]
        return [(label, None) for label in labels] if shares is None else list(zip(labels, shares, strict=True))

    async def _running(self) -> Child:
        if self._child is None:
            if self._starting is None:
                self._begin_again(0.0)
            assert self._starting is not None
            try:
                async with asyncio.timeout(self._serving.timeout_s):
                    self._child = await asyncio.shield(self._starting)
            except (TimeoutError, ConfigurationError):
                raise Busy("The model is being started again.") from None
        return self._child

    def _replace(self, why: str) -> None:
        logger.error("the process of %s is replaced: %s", self._name, why)
        self.replaced += 1
        if self._child is not None:
            self._end(self._child)
            self._child = None
        if not self._closed:
            self._begin_again(0.0)

    def _begin_again(self, delay_s: float) -> None:
        self._starting = asyncio.get_running_loop().create_task(self._start_again(delay_s))
        self._starting.add_done_callback(self._started)

    async def _start_again(self, delay_s: float) -> Child:
        await asyncio.sleep(delay_s)
        return await self._new_child()

    def _started(self, task: asyncio.Task[Child]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        self._down = None if error is None else "its process cannot be started"
        if error is not None:
            logger.error("the process of %s cannot be started: %s", self._name, error)
            if not self._closed:
                self._begin_again(AGAIN_S)
        elif self._closed:
            self._end(task.result())
        elif self._child is None:
            self._child = task.result()

    def _end(self, child: Child) -> None:
        child.kill()
        task = asyncio.get_running_loop().create_task(child.gone())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _new_child(self) -> Child:
        beginning = asyncio.get_running_loop().create_task(Child.begin())
        try:
            child = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            self._end(await beginning)  # a process that has half begun could not be ended
            raise
        try:
            async with asyncio.timeout(self._serving.load_timeout_s):
                reply = await child.ask(["load", self._order()])
        except TimeoutError:
            self._end(child)
            raise unfit(self._name, f"takes more than {self._serving.load_timeout_s:g} s to load") from None
        except (EOFError, OSError, msgspec.DecodeError) as error:
            self._end(child)
            raise unfit(self._name, "ends its process while it is loaded") from error
        except BaseException:
            self._end(child)
            raise
        if reply[0] != "loaded":
            self._end(child)
            if reply[1] == "memory":
                raise unfit(self._name, f"needs more than {self._serving.max_memory_bytes / 2**20:,.0f} MiB")
            raise ConfigurationError(reply[1], reply[2], hint=reply[3])
        self.typical, self.one_row_s, self.batch_row_s = reply[1:]
        return child

    def _order(self) -> dict[str, Any]:
        serving = self._serving
        return {
            "root": os.path.abspath(self._registry.root),  # noqa: PTH100 - no link is resolved
            "reference": self._name,
            "on_mismatch": serving.on_mismatch,
            "max_memory_bytes": serving.max_memory_bytes,
            "max_batch": serving.max_batch,
            "path": sys.path,
        }

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._child is not None:
            self._end(self._child)
            self._child = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._ending, return_exceptions=True)


def unfit(name: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        "VX817",
        f"{name} {what}",
        hint="Give it more with serve_model(max_memory=..., load_timeout=...), or publish a smaller model",
    )
