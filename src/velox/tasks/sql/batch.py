"""Enqueuing in groups: whoever comes while one transaction is being written shares the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from velox.tasks.message import Keyed
from velox.tasks.sql.connections import Connections
from velox.tasks.sql.store import Store

__all__ = ["Batch"]

Ids = list[tuple[str, bool]]


class Batch:
    """Writes jobs into the database, each caller's all together or not at all."""

    def __init__(self, connections: Connections, store: Store) -> None:
        self._connections = connections
        self._store = store
        self._waiting: list[tuple[Sequence[Keyed], asyncio.Future[Ids]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, jobs: Sequence[Keyed]) -> Ids:
        """Returns when ``jobs`` are committed."""
        written: asyncio.Future[Ids] = asyncio.get_running_loop().create_future()
        self._waiting.append((jobs, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await written

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                ids = await self._commit([job for jobs, _ in group for job in jobs])
            except Exception as error:  # noqa: BLE001 - whose fault it is, the next lines find out
                await self._one_by_one(group, error)
            else:
                for jobs, written in group:
                    settle(written, ids[: len(jobs)])
                    ids = ids[len(jobs) :]

    async def _one_by_one(self, group: list[tuple[Sequence[Keyed], asyncio.Future[Ids]]], error: Exception) -> None:
        """One caller's job cannot be written, which the others shall not suffer from."""
        if len(group) == 1:
            settle(group[0][1], error)
            return
        for jobs, written in group:
            try:
                settle(written, await self._commit(jobs))
            except Exception as own:  # noqa: BLE001 - raised where the job was enqueued
                settle(written, own)

    async def _commit(self, jobs: Sequence[Keyed]) -> Ids:
        async with self._connections.writing() as connection:
            return await self._store.put(connection, jobs)


def settle(written: asyncio.Future[Ids], outcome: Ids | Exception) -> None:
    if written.done():  # its caller was cancelled
        return
    if isinstance(outcome, Exception):
        written.set_exception(outcome)
    else:
        written.set_result(outcome)
