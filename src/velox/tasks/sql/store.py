"""What the post writes into the database, in transactions that somebody else begins and ends."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.tasks.message import Found, Keyed, Message, Outcome
from velox.tasks.sql.table import NULLABLE, Tables
from velox.tasks.state import State

__all__ = ["Store", "message_of", "values_of"]


class Store:
    """Statements on the post's tables.

    Args:
        tables: The tables.
        keep_s: For how long jobs that are done, and the keys of effects, are kept.
    """

    def __init__(self, tables: Tables, keep_s: float) -> None:
        self.tables = tables
        self.keep_s = keep_s

    async def missing(self, connection: AsyncConnection) -> list[str]:
        """The names of the post's tables that are not there."""

        def present(plain: Any) -> set[str]:
            from sqlalchemy import inspect

            return set(inspect(plain).get_table_names())

        there = await connection.run_sync(present)
        return [table.name for table in self.tables.every if table.name not in there]

    # Enqueuing

    async def put(self, connection: AsyncConnection, jobs: Sequence[Keyed]) -> list[tuple[str, bool]]:
        """Write jobs: each one's id and whether it is new. A key that is taken gives the id of the job with it."""
        ids: list[tuple[str, bool]] = []
        rows = []
        for job in jobs:
            taken = (job.message.id, True) if job.key is None else await self._take_key(connection, job)
            ids.append(taken)
            if taken[1]:
                rows.append(row_of(job.message))
        if rows:
            await connection.execute(insert(self.tables.job), rows)
        return ids

    async def _take_key(self, connection: AsyncConnection, job: Keyed) -> tuple[str, bool]:
        key, now_s = self.tables.key, job.message.created_at_s
        values = {"name": job.key, "job_id": job.message.id, "expires_at": now_s + job.key_life_s}
        if await self._insert_new(connection, key, values):
            return job.message.id, True
        over = (key.c.name == job.key) & (key.c.expires_at <= now_s)
        if (await connection.execute(update(key).where(over).values(**values))).rowcount:
            return job.message.id, True
        known = await connection.scalar(select(key.c.job_id).where(key.c.name == job.key))
        return str(known), False

    async def _insert_new(self, connection: AsyncConnection, table: Table, values: dict[str, Any]) -> bool:
        """Insert a row unless its primary key is there; whether it was inserted."""
        statement: Any
        match connection.dialect.name:
            case "mysql" | "mariadb":
                statement = mysql.insert(table).prefix_with("IGNORE")
            case "postgresql":
                statement = postgresql.insert(table).on_conflict_do_nothing()
            case _:
                statement = sqlite.insert(table).on_conflict_do_nothing()
        return (await connection.execute(statement.values(**values))).rowcount == 1

    # Effects

    async def take_effect(self, connection: AsyncConnection, id: str) -> bool:
        """Note in a job's own transaction that it commits; False when an earlier attempt has committed already."""
        values = {"job_id": id, "expires_at": time.time() + self.keep_s}
        return await self._insert_new(connection, self.tables.effect, values)

    async def has_effect(self, connection: AsyncConnection, id: str) -> bool:
        """Whether an attempt of the job has committed."""
        effect = self.tables.effect
        return (await connection.scalar(select(effect.c.job_id).where(effect.c.job_id == id))) is not None

    # The clock

    async def is_due(self, connection: AsyncConnection, now_s: float) -> bool:
        """Whether :meth:`promote` would change anything."""
        job = self.tables.job
        for state in (State.SCHEDULED, State.RETRYING, State.RUNNING):
            waits = (job.c.state == state) & (job.c.due_at <= now_s)
            if (await connection.scalar(select(job.c.id).where(waits).limit(1))) is not None:
                return True
        return False

    async def promote(self, connection: AsyncConnection, now_s: float) -> int:
        """Queue what is due, and what a dead worker holds; how many jobs that were."""
        job = self.tables.job
        moved = 0
        for state in (State.SCHEDULED, State.RETRYING, State.RUNNING):
            waits = (job.c.state == state) & (job.c.due_at <= now_s)
            statement = update(job).where(waits).values(state=State.QUEUED, due_at=now_s, token=None)
            moved += (await connection.execute(statement)).rowcount
        return moved

    async def purge(self, connection: AsyncConnection, now_s: float, limit: int = 1000) -> None:
        """Delete what has been kept long enough, ``limit`` rows of each kind at most: the transaction is short."""
        job, key, effect = self.tables.job, self.tables.key, self.tables.effect
        for state in (State.SUCCEEDED, State.CANCELLED):
            over = select(job.c.id).where(job.c.state == state, job.c.due_at <= now_s).limit(limit)
            if ids := list(await connection.scalars(over)):
                await connection.execute(delete(job).where(job.c.id.in_(ids)))
        for table, column in ((key, key.c.name), (effect, effect.c.job_id)):
            if ids := list(await connection.scalars(select(column).where(table.c.expires_at <= now_s).limit(limit))):
                await connection.execute(delete(table).where(column.in_(ids)))

    # Schedules

    async def last_ticks(self, connection: AsyncConnection) -> dict[str, float]:
        """The last tick of each scheduled task that has been seen."""
        schedule = self.tables.schedule
        rows = await connection.execute(select(schedule.c.task, schedule.c.last_tick))
        return {row.task: row.last_tick for row in rows}

    async def begin_schedule(self, connection: AsyncConnection, task: str, now_s: float) -> None:
        """A task that has never been scheduled: it begins now, with its next tick."""
        await self._insert_new(connection, self.tables.schedule, {"task": task, "last_tick": now_s})

    async def take_tick(self, connection: AsyncConnection, task: str, tick_s: float) -> bool:
        """Whether this caller, of all schedulers, is the one to fire the tick."""
        schedule = self.tables.schedule
        earlier = (schedule.c.task == task) & (schedule.c.last_tick < tick_s)
        return (await connection.execute(update(schedule).where(earlier).values(last_tick=tick_s))).rowcount == 1

    # Rates

    async def turns(self, connection: AsyncConnection, task: str) -> tuple[float, float]:
        """What is kept of a task's turns; nobody else takes any before the transaction has ended."""
        rate = self.tables.rate
        await self._insert_new(connection, rate, {"task": task, "back_at": 0.0, "told_at": 0.0})
        row = (await connection.execute(select(rate).where(rate.c.task == task).with_for_update())).one()
        return row.back_at, row.told_at

    async def keep_turns(self, connection: AsyncConnection, task: str, back_s: float, told_s: float) -> None:
        """Keep it."""
        rate = self.tables.rate
        await connection.execute(update(rate).where(rate.c.task == task).values(back_at=back_s, told_at=told_s))

    # The outbox of a broker

    async def has_queued(self, connection: AsyncConnection) -> bool:
        """Whether there is anything for :meth:`lend`."""
        job = self.tables.job
        return (await connection.scalar(select(job.c.id).where(job.c.state == State.QUEUED).limit(1))) is not None

    async def lend(
        self, connection: AsyncConnection, limit: int, now_s: float, lease_s: float
    ) -> tuple[str, list[Message]]:
        """Queued jobs for somebody who sends them to a broker; they come back when the lease ends."""
        job = self.tables.job
        next_ones = select(job).where(job.c.state == State.QUEUED).order_by(job.c.rank, job.c.id).limit(limit)
        rows = (await connection.execute(next_ones.with_for_update(skip_locked=True))).all()
        token = secrets.token_hex(16)
        if rows:
            which = job.c.id.in_([row.id for row in rows])
            values = {"state": State.RUNNING, "token": token, "due_at": now_s + lease_s}
            await connection.execute(update(job).where(which).values(**values))
        return token, [message_of(row) for row in rows]

    async def forget(self, connection: AsyncConnection, token: str) -> None:
        """The broker has what was lent."""
        await connection.execute(delete(self.tables.job).where(self.tables.job.c.token == token))

    async def take_back(self, connection: AsyncConnection, token: str) -> None:
        """The broker has not taken what was lent."""
        job = self.tables.job
        await connection.execute(update(job).where(job.c.token == token).values(state=State.QUEUED, token=None))

    async def record(self, connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
        """Write the rows of jobs that a broker held; what has succeeded once stays so."""
        job = self.tables.job
        ids = [each.delivery.message.id for each in outcomes]
        done = select(job.c.id).where(job.c.id.in_(ids), job.c.state == State.SUCCEEDED)
        succeeded = set(await connection.scalars(done))
        rows = {
            each.delivery.message.id: {**row_of(each.delivery.message), **EMPTY, **values_of(each, self.keep_s)}
            for each in outcomes
            if each.delivery.message.id not in succeeded
        }
        if rows:
            await connection.execute(delete(job).where(job.c.id.in_([*rows])))
            await connection.execute(insert(job), [*rows.values()])

    # Asking

    async def find(self, connection: AsyncConnection, id: str) -> Found | None:
        job = self.tables.job
        rows = await connection.execute(select(job).where(job.c.id == id))
        return next(map(found_of, rows), None)

    def held(self, id: str) -> Found:
        """A job without a row, which a broker holds."""
        return Found(id, "", "", State.QUEUED, "", 0, 0.0)

    async def newest(
        self, connection: AsyncConnection, states: Iterable[State], queue: str | None, task: str | None, limit: int
    ) -> list[Found]:
        """The newest jobs in any of ``states``."""
        job = self.tables.job
        wanted = select(job).where(job.c.state.in_([*states])).order_by(job.c.id.desc()).limit(limit)
        if queue is not None:
            wanted = wanted.where(job.c.queue == queue)
        if task is not None:
            wanted = wanted.where(job.c.task == task)
        return [found_of(row) for row in await connection.execute(wanted)]

    async def counts(
        self, connection: AsyncConnection, states: Iterable[State] = State
    ) -> dict[tuple[str, State], int]:
        """How many jobs there are in any of ``states``, by queue and state."""
        job = self.tables.job
        which = job.c.state.in_([*states])
        rows = await connection.execute(
            select(job.c.queue, job.c.state, func.count()).where(which).group_by(job.c.queue, job.c.state)
        )
        return {(queue, State(state)): count for queue, state, count in rows}

    async def oldest(self, connection: AsyncConnection) -> float | None:
        """Since when the oldest queued job can run."""
        job = self.tables.job
        found: float | None = await connection.scalar(select(func.min(job.c.due_at)).where(job.c.state == State.QUEUED))
        return found

    # By hand

    async def cancel(self, connection: AsyncConnection, id: str, now_s: float) -> bool:
        """Take out a job that does not run yet; whether it was one."""
        job = self.tables.job
        waits = (job.c.id == id) & job.c.state.in_([State.SCHEDULED, State.QUEUED, State.RETRYING])
        values = {"state": State.CANCELLED, "ended_at": now_s, "due_at": now_s + self.keep_s}
        return (await connection.execute(update(job).where(waits).values(**values))).rowcount == 1

    async def retry(self, connection: AsyncConnection, ids: Sequence[str] | None, now_s: float) -> int:
        """Queue dead and cancelled jobs again, as if they had never run; None: all dead ones."""
        job = self.tables.job
        which = job.c.state == State.DEAD
        if ids is not None:
            which = job.c.state.in_([State.DEAD, State.CANCELLED]) & job.c.id.in_(ids)
        values = {"state": State.QUEUED, "failures": 0, "deliveries": 0, "due_at": now_s, "ended_at": None}
        return (await connection.execute(update(job).where(which).values(**values))).rowcount

    async def delete(self, connection: AsyncConnection, states: Iterable[State], before_s: float) -> int:
        """Delete jobs that ended before a time."""
        job = self.tables.job
        which = job.c.state.in_([*states]) & (job.c.ended_at <= before_s)
        return (await connection.execute(delete(job).where(which))).rowcount


def row_of(message: Message) -> dict[str, Any]:
    """The row of a job that is enqueued."""
    waits = message.due_at_s is not None
    return {
        "id": message.id,
        "task": message.task,
        "queue": message.queue,
        "state": State.SCHEDULED if waits else State.QUEUED,
        "rank": message.rank,
        "payload": message.payload,
        "failures": message.failures,
        "deliveries": 0,
        "created_at": message.created_at_s,
        "due_at": message.due_at_s if waits else message.created_at_s,
    }


EMPTY = dict.fromkeys(NULLABLE)


def values_of(outcome: Outcome, keep_s: float) -> dict[str, Any]:
    """What an outcome writes into the job's row."""
    not_tried = outcome.state in (State.QUEUED, State.SCHEDULED)
    due_at_s = {
        State.SUCCEEDED: outcome.at_s + keep_s,
        State.QUEUED: outcome.at_s,
        State.RETRYING: outcome.due_at_s,
        State.SCHEDULED: outcome.due_at_s,
    }.get(outcome.state)
    return {
        "state": outcome.state,
        "token": None,
        "failures": outcome.delivery.message.failures if not_tried else outcome.failures,
        "deliveries": outcome.delivery.deliveries - 1 if not_tried else 0,
        "due_at": due_at_s,
        "ended_at": outcome.at_s if outcome.state in (State.SUCCEEDED, State.DEAD) else None,
        "result": outcome.result,
        "error": outcome.error,
    }


def message_of(row: Any) -> Message:
    """The job of a row."""
    return Message(
        row.task,
        row.queue,
        row.payload,
        row.id,
        row.rank,
        row.failures,
        row.created_at,
        deliveries=row.deliveries,
    )


def found_of(row: Any) -> Found:
    return Found(
        row.id,
        row.task,
        row.queue,
        State(row.state),
        row.payload,
        row.failures,
        row.created_at,
        row.due_at,
        row.ended_at,
        row.result,
        row.error,
    )
