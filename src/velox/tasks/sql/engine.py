"""The database as the queue: the default engine.

claim     queued rows of a queue, in order, become running: with a token, and the lease's end as ``due_at``
renew     moves the end of the lease, for who has the token
finish    who has the token writes what follows, many at once
lease     ends by the clock (``Store.promote``), and the row is queued again

A write transaction on SQLite keeps all other writers out, so each of these is one short transaction, and nothing is
written when there is nothing to do.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.tasks.message import Delivery, Message, Outcome
from velox.tasks.sql.bell import Bell
from velox.tasks.sql.connections import Connections
from velox.tasks.sql.store import Store, message_of, values_of
from velox.tasks.state import State

__all__ = ["SqlEngine"]


class SqlEngine:
    """The app's own database as the queue.

    Args:
        connections: The database.
        store: The tables.
        lease_s: How long a worker holds a job without renewing, in seconds.
        now_s: The time, in seconds since 1970.
    """

    name = "sql"
    holds = False

    def __init__(self, connections: Connections, store: Store, lease_s: float, now_s: Callable[[], float]) -> None:
        self._connections = connections
        self._store = store
        self._lease_s = lease_s
        self._now_s = now_s
        self._came = asyncio.Event()
        self._bell = Bell(connections, self._come)
        self._was_full = False

    async def start(self) -> None:
        self._came = asyncio.Event()

    async def stop(self) -> None:
        await self._bell.stop()
        self._came.set()

    async def ready(self) -> str | None:
        return None  # the database says itself whether it answers

    async def send(self, messages: Sequence[Message]) -> None:
        """The jobs are where they have to be already."""

    def nudge(self) -> None:
        self._come()
        self._bell.ring()

    def _come(self) -> None:
        self._came.set()

    async def wait(self, timeout_s: float) -> None:
        self._bell.listen()
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            pass
        self._came.clear()

    async def claim(self, queues: Sequence[str], limit: int) -> list[Delivery]:
        waiting = list(queues)
        if not self._was_full:
            async with self._connections.reading() as connection:
                waiting = [queue for queue in queues if await self._has_any(connection, queue)]
        claimed: list[Delivery] = []
        if waiting:
            async with self._connections.writing() as connection:
                for queue in waiting:
                    if len(claimed) < limit:
                        claimed += await self._claim(connection, queue, limit - len(claimed))
        self._was_full = len(claimed) >= limit
        return claimed

    async def _has_any(self, connection: AsyncConnection, queue: str) -> bool:
        job = self._store.tables.job
        queued = select(job.c.id).where(job.c.state == State.QUEUED, job.c.queue == queue).limit(1)
        return (await connection.scalar(queued)) is not None

    async def _claim(self, connection: AsyncConnection, queue: str, limit: int) -> list[Delivery]:
        job = self._store.tables.job
        next_ones = (
            select(job)
            .where(job.c.state == State.QUEUED, job.c.queue == queue)
            .order_by(job.c.rank, job.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # SQLite has one writer at a time and leaves it out
        )
        rows = (await connection.execute(next_ones)).all()
        if not rows:
            return []
        token, now_s = secrets.token_hex(16), self._now_s()
        await connection.execute(
            update(job)
            .where(job.c.id.in_([row.id for row in rows]))
            .values(
                state=State.RUNNING,
                token=token,
                deliveries=job.c.deliveries + 1,
                started_at=now_s,
                due_at=now_s + self._lease_s,
            )
        )
        return [Delivery(message_of(row), token, row.deliveries + 1) for row in rows]

    async def hold_off(self) -> None:
        """Nothing is fetched ahead."""

    async def renew(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        job = self._store.tables.job
        ours = (
            job.c.id.in_([each.message.id for each in deliveries])
            & job.c.token.in_({each.token for each in deliveries})
            & (job.c.state == State.RUNNING)
        )
        async with self._connections.writing() as connection:
            await connection.execute(update(job).where(ours).values(due_at=self._now_s() + self._lease_s))
            rows = await connection.execute(select(job.c.id, job.c.token).where(ours))
            held = {(row.id, row.token) for row in rows}
        return [each for each in deliveries if (each.message.id, each.token) not in held]

    async def finish(self, outcomes: Sequence[Outcome]) -> None:
        job = self._store.tables.job
        # The names of the columns are taken by the SET clause.
        ours = (job.c.id == bindparam("the_id")) & (job.c.token == bindparam("the_token"))
        statement = update(job).where(ours).values({name: bindparam(f"new_{name}") for name in CHANGED})
        parameters = [
            {
                "the_id": each.delivery.message.id,
                "the_token": each.delivery.token,
                **{f"new_{name}": value for name, value in values_of(each, self._store.keep_s).items()},
            }
            for each in outcomes
        ]
        async with self._connections.writing() as connection:
            await connection.execute(statement, parameters)

    async def depth(self) -> dict[str, int]:
        return {}

    async def oldest(self) -> float | None:
        return None


CHANGED = ("state", "token", "failures", "deliveries", "due_at", "ended_at", "result", "error")
