"""Group commit: rows that are written at the same time share a transaction, and its price.

While one group is being committed, the next gathers; so a lone row does not wait, and the more come, the less each
costs. A group is written in the hope that all its rows fit. If one does not, nothing of the group is kept, and each row
is written again in a transaction of its own: the wrong one fails, the others do not notice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from typing import Any, NamedTuple

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from velox.db.asker import Asker, behalf
from velox.db.readonly import WritingSession

__all__ = ["GroupCommit"]

_MOST = 128
"""The most rows in one transaction, which keeps every other writer out for a few milliseconds."""


class _Waiting(NamedTuple):
    row: Any
    done: asyncio.Future[None]
    asker: Asker | None


class GroupCommit:
    """Writes new rows, each as if in a transaction of its own.

    Args:
        engine: The connection that writes.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: deque[_Waiting] = deque()
        self._working: asyncio.Task[None] | None = None

    async def insert(self, row: Any, asker: Asker | None = None) -> None:
        """Write ``row``; when this returns, it is committed and complete.

        Args:
            row: A new one.
            asker: On whose behalf; a group is written on the first one's.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database refuses the row, or is busy for too long.
        """
        if not _stands_alone(row):
            await self._write([row])
            return
        waiting = _Waiting(row, asyncio.get_running_loop().create_future(), asker)
        self._waiting.append(waiting)
        if self._working is None:
            # It outlives the request that starts it, and works for others.
            self._working = asyncio.create_task(self._work(), context=Context())
        await waiting.done

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._working is not None:
            await self._working

    async def _work(self) -> None:
        try:
            while self._waiting:
                count = min(len(self._waiting), _MOST)
                await self._commit([self._waiting.popleft() for _ in range(count)])
        finally:
            self._working = None

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        before = [(one.row, one.row.__dict__.copy()) for one in group]
        try:
            with behalf(group[0].asker):
                await self._write([one.row for one in group])
        except Exception as error:  # noqa: BLE001 - it is raised in the task that asked
            if len(group) == 1:
                _settle(group[0], error)
                return
            for row, values in before:
                # A key that the database gave it is somebody else's by now.
                row.__dict__.clear()
                row.__dict__.update(values)
            for one in group:
                await self._commit([one])
        else:
            for one in group:
                _settle(one, None)

    async def _write(self, rows: Sequence[Any]) -> None:
        async with _GroupSession(self._engine, expire_on_commit=False, autoflush=False) as session:
            session.add_all(rows)
            await session.commit()


class _GroupSession(AsyncSession):
    sync_session_class = WritingSession


def _settle(one: _Waiting, error: Exception | None) -> None:
    if one.done.done():
        return  # the task that asked was cancelled, and does not want to know
    if error is None:
        one.done.set_result(None)
    else:
        one.done.set_exception(error)


def _stands_alone(row: Any) -> bool:
    """Whether writing the row writes no other one."""
    return not any(name in row.__dict__ for name in inspect(type(row)).relationships)
