"""The log of slow statements, each kind once with its plan."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from velox.db.advice.explaining import explain, explainable, reads
from velox.db.advice.plan import Plan, drawn
from velox.db.database import Database
from velox.db.observing import Seen

__all__ = ["SlowLog"]

logger = logging.getLogger("velox.db")

_MOST_KINDS = 1000


class SlowLog:
    """Logs each statement that takes long: where it was asked, how long it took, and the first time its plan.

    The plan is asked for in a task of its own, on a connection that reads, and the statement is not run again for it.

    Args:
        database: Whose statements; give it to ``database.listen``.
        threshold_s: Seconds from which on one is slow. It includes what the event loop did meanwhile.
    """

    def __init__(self, database: Database, threshold_s: float) -> None:
        self.threshold_s = threshold_s
        self._database = database
        self._known: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()

    def __call__(self, seen: Seen) -> None:
        if seen.elapsed_s < self.threshold_s:
            return
        if seen.sql in self._known or not explainable(seen.sql):
            _log(seen, None)
            return
        if len(self._known) < _MOST_KINDS:
            self._known.add(seen.sql)
        # It is nobody's request any more, and no part of a test's transaction.
        task = asyncio.get_running_loop().create_task(self._explain(seen), context=Context())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def close(self) -> None:
        """Wait for the plans that were asked for."""
        if self._asking:
            await asyncio.wait(self._asking)

    async def _explain(self, seen: Seen) -> None:
        _log(seen, await self._plan(seen.sql, seen.parameters))

    async def _plan(self, sql: str, parameters: Any) -> Plan | None:
        if not reads(sql) and self._database.engine.url.get_backend_name() in {"mysql", "mariadb"}:
            return None  # it explains a change to those only who may make it
        try:
            async with self._database.connection() as connection:
                return await explain(connection, sql, parameters)
        except (SQLAlchemyError, RuntimeError):
            return None  # the statement is slow all the same


def _log(seen: Seen, plan: Plan | None) -> None:
    lines = [
        f"{seen.place or 'a library'}: a statement took {seen.elapsed_s * 1000:.0f} ms",
        " ".join(seen.sql.split()),
    ]
    if plan is not None:
        lines += drawn(plan)
        if plan.scanned():
            lines.append(f"It reads {' and '.join(plan.scanned())} as a whole. Which index would help: velox db advise")
    logger.warning("%s", "\n    ".join(lines))
