"""The predictions of one model on their way into the database, and out of it again.

    note() ──▶ waiting, bounded ──every second, or BATCH──▶ one INSERT ──▶ velox_prediction ──keep_s──▶ pruned
                  │ full: dropped, and counted

A prediction never waits for the database. What waits is written before the app stops, unless the database fails for
longer than :data:`STOP_S`; a process that is killed loses up to a second of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Table, delete, insert, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncConnection as Connection

__all__ = ["Journal", "Logged"]

BATCH: Final = 500
FLUSH_S: Final = 1.0
STOP_S: Final = 5.0
PRUNE_EVERY_S: Final = 60.0
PRUNED_AT_ONCE: Final = 1000
MOST_BYTES: Final = 60_000
"""Of a row's features as JSON: MySQL's TEXT ends at 65,535."""

logger = logging.getLogger("velox.predictions")
Writing = Callable[[], AbstractAsyncContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Logged:
    """A prediction that was logged.

    Attributes:
        features: The row, without what was masked.
        answer: The label or value.
        truth: What was true, as it was reported; ``None``: nobody has said.
    """

    features: Mapping[str, Any]
    answer: Any
    truth: Any


class Journal:
    """The predictions of one model.

    Args:
        writing: A transaction that commits when its block ends.
        table: The table of predictions.
        model: The model.
        keep_s: For how long predictions are kept, in seconds.
        max_waiting: How many may wait to be written, in this process.
        clock: Seconds since the epoch.

    Attributes:
        written, dropped: How many were written and dropped by this process.
    """

    def __init__(
        self,
        writing: Writing,
        table: Table,
        model: str,
        *,
        keep_s: float,
        max_waiting: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writing, self._table, self._model = writing, table, model
        self._keep_s, self._max_waiting, self._clock = keep_s, max_waiting, clock
        self.written = self.dropped = 0
        self._waiting: dict[str, tuple[str, float, Mapping[str, Any], Any]] = {}
        self._full = asyncio.Event()
        self._one_writer = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._prune_at = 0.0

    @property
    def waiting(self) -> int:
        """How many wait to be written."""
        return len(self._waiting)

    def note(self, version: str, features: Mapping[str, Any], answer: Any) -> str | None:
        """Have a prediction written soon.

        Returns:
            Its id, or ``None`` when too many wait: it was dropped.
        """
        if len(self._waiting) >= self._max_waiting:
            self.dropped += 1
            return None
        made = secrets.token_hex(16)
        self._waiting[made] = (version, self._clock(), features, answer)
        if len(self._waiting) >= BATCH:
            self._full.set()
        return made

    async def is_there(self) -> bool:
        """Whether the database has the table."""
        async with self._writing() as connection:
            return bool(await connection.run_sync(lambda plain: inspect(plain).has_table(self._table.name)))

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write_on())

    async def stop(self) -> None:
        """Write what waits, and end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            async with asyncio.timeout(STOP_S):
                await self.flush()
        except Exception:
            logger.exception("%d predictions of %s are not written", self.waiting, self._model)

    async def _write_on(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._full.wait()
            self._full.clear()
            try:
                await self.flush()
                await self.prune()
            except Exception as error:  # noqa: BLE001 - what waits is tried again
                logger.warning("the predictions of %s wait, %d of them: %s", self._model, self.waiting, error)
                await asyncio.sleep(FLUSH_S)

    async def flush(self) -> None:
        """Write what waits now."""
        async with self._one_writer:
            left = len(self._waiting)
            while left > 0:
                ids = list(self._waiting)[: min(BATCH, left)]
                left -= len(ids)
                rows = [row for one in ids if (row := self._row(one)) is not None]
                if rows:
                    async with self._writing() as connection:
                        await connection.execute(insert(self._table), rows)
                for one in ids:
                    del self._waiting[one]
                self.written += len(rows)
                self.dropped += len(ids) - len(rows)

    def _row(self, one: str) -> dict[str, Any] | None:
        version, at, features, answer = self._waiting[one]
        text = json.dumps(features)
        if len(text) > MOST_BYTES:
            return None
        made = {"id": one, "model": self._model, "version": version, "created_at": at}
        return {**made, "features": text, "answer": json.dumps(answer), "truth": None}

    async def prune(self) -> None:
        """Once a minute, delete what has been kept long enough, a thousand rows in a transaction."""
        now_s, columns = self._clock(), self._table.c
        if now_s < self._prune_at:
            return
        self._prune_at = now_s + PRUNE_EVERY_S
        over = (columns.model == self._model) & (columns.created_at <= now_s - self._keep_s)
        found = PRUNED_AT_ONCE
        while found == PRUNED_AT_ONCE:
            async with self._writing() as connection:
                ids = list(await connection.scalars(select(columns.id).where(over).limit(PRUNED_AT_ONCE)))
                if ids:
                    await connection.execute(delete(self._table).where(columns.id.in_(sorted(ids))))
            found = len(ids)

    async def tell(self, one: str, truth: Any) -> bool:
        """Join what was true to the prediction of an id; whether there is one."""
        if one in self._waiting:
            await self.flush()
        columns = self._table.c
        mine = (columns.id == one) & (columns.model == self._model)
        async with self._writing() as connection:
            # Looked for first: MySQL counts a row as updated only if its value changes.
            if (await connection.execute(select(columns.id).where(mine))).first() is None:
                return False
            await connection.execute(update(self._table).where(mine).values(truth=json.dumps(truth)))
        return True

    async def window(self, version: str, most: int) -> list[Logged]:
        """The last predictions of a version, the newest first; at most ``most``."""
        columns = self._table.c
        wanted = (columns.model == self._model) & (columns.version == version)
        query = select(columns.features, columns.answer, columns.truth).where(wanted)
        async with self._writing() as connection:
            found = list(await connection.execute(query.order_by(columns.created_at.desc()).limit(most)))
        return [
            Logged(json.loads(row.features), json.loads(row.answer), json.loads(row.truth or "null")) for row in found
        ]
