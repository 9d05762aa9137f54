"""Copies of the database that only readers use.

    open ──a connection fails──▶ away ──asked again every 2 s──▶ open

While a replica is away, the others and the primary read for it; nobody waits to find out.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from velox.db.engine import Engine, Lanes
from velox.db.lane import OrdinaryReader, ReadLane
from velox.db.page import Page, PageQuery
from velox.db.rows import Rows
from velox.db.shown import Shown
from velox.errors import ConfigurationError

__all__ = ["ReplicaLane", "Replicas"]

logger = logging.getLogger("velox.db")

_ASK_AGAIN_S = 2.0


class Replicas:
    """Replicas that take turns.

    Args:
        engines: Where they are.
        opened: Called with the lanes of each one that is reached.
    """

    def __init__(self, engines: Sequence[Engine], opened: Callable[[Lanes], None] = lambda _: None) -> None:
        self._replicas = deque(_Replica(engine, opened) for engine in engines)

    def __bool__(self) -> bool:
        return bool(self._replicas)

    async def open(self) -> None:
        """Reach those that can be reached; the others are asked again."""
        await asyncio.gather(*(replica.open() for replica in self._replicas))

    async def close(self) -> None:
        """Close every connection."""
        for replica in self._replicas:
            await replica.close()

    async def pick(self) -> Lanes | None:
        """The next one in turn that has a connection to give; ``None``: none has."""
        for _ in range(len(self._replicas)):
            self._replicas.rotate(-1)
            if lanes := await self._replicas[0].pick():
                return lanes
        return None


class ReplicaLane:
    """A Reader's way to the replicas, chosen anew for each statement.

    Args:
        replicas: Where it reads.
        primary: Where it reads when no replica can be reached, and while ``writes()``.
        writes: Whether this task has written, or may: then it is to see that. A replica is a moment behind.
    """

    def __init__(self, replicas: Replicas, primary: ReadLane, writes: Callable[[], bool]) -> None:
        self._replicas = replicas
        self._primary = primary
        self._writes = writes

    async def get(self, model: type[Any], key: Any) -> Any:
        return await (await self._lane()).get(model, key)

    async def get_with(self, model: type[Any], key: Any, options: list[Any]) -> Any:
        return await (await self._lane()).get_with(model, key, options)

    async def run(self, statement: Any, params: Mapping[str, Any] | None) -> Rows[Any]:
        return await (await self._lane()).run(statement, params)

    async def page(self, statement: Any, query: PageQuery[Any]) -> Page[Any]:
        return await (await self._lane()).page(statement, query)

    async def json(self, statement: Any, shown: Shown, params: Mapping[str, Any] | None) -> bytes:
        return await (await self._lane()).json(statement, shown, params)

    def ordinary(self) -> OrdinaryReader:
        return self._primary.ordinary()

    async def _lane(self) -> ReadLane:
        if self._writes():
            return self._primary
        lanes = await self._replicas.pick()
        return self._primary if lanes is None else lanes.reading


class _Replica:
    def __init__(self, engine: Engine, opened: Callable[[Lanes], None]) -> None:
        self._engine = engine
        self._opened = opened
        self._lanes: Lanes | None = None
        self._asking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        try:
            await self._reach()
        except ConfigurationError as error:
            self._leave_out(error.message)

    async def _reach(self) -> None:
        lanes = await self._engine.open()
        self._opened(lanes)
        self._lanes = lanes

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if self._lanes is not None:
            lanes, self._lanes = self._lanes, None
            await lanes.close()

    async def pick(self) -> Lanes | None:
        lanes = self._lanes
        if lanes is None:
            return None
        try:
            # The pool replaces a connection that has died, which is where a replica that is away shows.
            async with lanes.read.connect():
                return lanes
        except SQLAlchemyError as error:
            if self._lanes is lanes:
                self._lanes = None
                self._leave_out(str(error.args[0]) if error.args else type(error).__name__)
                await lanes.close()
            return None

    def _leave_out(self, why: str) -> None:
        shown = self._engine.url.render_as_string(hide_password=True)
        logger.warning("the replica %s is away, and is left out until it is back: %s", shown, why)
        self._asking = asyncio.create_task(self._ask_again())

    async def _ask_again(self) -> None:
        while self._lanes is None:
            await asyncio.sleep(_ASK_AGAIN_S)
            try:
                await self._reach()
            except ConfigurationError:
                continue
        logger.info("the replica %s is back", self._engine.url.render_as_string(hide_password=True))
