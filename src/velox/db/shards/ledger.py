"""Where each bucket is, written down: the map in the main database, and on each shard what it may write.

A bucket's states, in the order of a move; ``owner`` is the shard that is read::

    open ──▶ copying ──▶ closing ──▶ opening ──▶ cleaning ──▶ open
    └──── owner: the old shard ────┘ └───── the new shard ─────┘
    └── writes ─────┘ └─ writes wait ─────────┘ └── writes ─────┘

Two things keep a process that has not heard of a move from doing harm.

*The lease*, for reading: nobody uses what was read of the map longer than ``LEASE_S``. Whoever moves a bucket waits for
that after each change that others must know of.

*The fence*, for writing: a shard itself keeps, a row for each bucket, whether it may be written there. Every
transaction reads that row before it writes, and keeps it from being changed until its end. So a writer with an old map
is refused by the shard, and closing a bucket waits for the writers that are there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from velox.db.shards.buckets import BUCKETS, rendezvous
from velox.errors import ConfigurationError

__all__ = [
    "LEASE_S",
    "Bucket",
    "Ledger",
    "State",
    "change",
    "is_fenced_off",
    "prepare_map",
    "prepare_shard",
    "set_fence",
]

LEASE_S = 1.0
"""Seconds for which what was read of the map may be used."""


class State(StrEnum):
    """Where a bucket is in its move."""

    OPEN = "open"
    COPYING = "copying"
    CLOSING = "closing"
    OPENING = "opening"
    CLEANING = "cleaning"

    @property
    def takes_writes(self) -> bool:
        return self not in (State.CLOSING, State.OPENING)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One line of the map.

    Args:
        owner: The shard that has it, for whoever reads.
        state: Whether it is being moved, and how far.
        other: The other shard of the move: where to, and from ``opening`` on where from.
    """

    owner: str
    state: State
    other: str | None


_map_data, _shard_data = MetaData(), MetaData()
_buckets = Table(
    "velox_shard_map",
    _map_data,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("owner", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("other", String(64)),
)
_version = Table("velox_shard_version", _map_data, Column("version", Integer, nullable=False))
_fence = Table(
    "velox_shard_fence",
    _shard_data,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("is_open", Boolean(create_constraint=False), nullable=False),
)
_name = Table("velox_shard_name", _shard_data, Column("name", String(64), primary_key=True))


class Ledger:
    """The map as this process knows it.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Any = time.monotonic) -> None:
        self._clock = clock
        self._read_at = float("-inf")
        self._version = -1
        self._map: Sequence[Bucket] = ()

    def __getitem__(self, bucket: int) -> Bucket:
        return self._map[bucket]

    def __len__(self) -> int:
        return len(self._map)

    def strays(self, shard: str) -> list[int]:
        """The buckets of which ``shard`` may have rows that are another's to show."""
        return [at for at, one in enumerate(self._map) if one.other == shard and one.state is not State.OPEN]

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._version

    @property
    def is_fresh(self) -> bool:
        """Whether it may still be used."""
        return bool(self._clock() - self._read_at < LEASE_S)

    def forget(self) -> None:
        """Read it again before the next use."""
        self._read_at = float("-inf")

    async def read(self, engine: AsyncEngine) -> None:
        """Read what has changed, from the main database."""
        asked_at = self._clock()  # what is read is true at some moment after it
        async with engine.connect() as connection:
            version = int(await connection.scalar(select(_version.c.version)) or 0)
            if version != self._version:
                # Read after the version, so that it is as new or newer; newer is read again the next time.
                self._map = await connection.run_sync(_read_map)
                self._version = version
        self._read_at = asked_at


def _read_map(connection: Connection) -> list[Bucket]:
    rows = connection.execute(select(_buckets).order_by(_buckets.c.bucket))
    return [Bucket(row.owner, State(row.state), row.other) for row in rows]


async def prepare_map(connection: AsyncConnection, shards: Sequence[str]) -> None:
    """Make the map, and fill a new one by rendezvous hashing. The connection is in a transaction, and holds the tables.

    Raises:
        ConfigurationError: VX437, the map has a shard that is not in the settings.
    """
    await connection.run_sync(_map_data.create_all)
    known = set(await connection.scalars(select(_buckets.c.owner).union(select(_buckets.c.other))))
    if missing := sorted(known - {None, *shards}):
        raise ConfigurationError(
            "VX437",
            f"there are rows on the shard {', '.join(missing)}, which is not in the setting shards",
            hint="Add it again; to give it up, move its buckets away first: velox shards move --from NAME.",
        )
    if not known:
        rows = [
            {"bucket": bucket, "owner": rendezvous(bucket, shards), "state": State.OPEN.value}
            for bucket in range(BUCKETS)
        ]
        await connection.execute(insert(_buckets), rows)
        await connection.execute(insert(_version), {"version": 1})


async def prepare_shard(connection: AsyncConnection, name: str, buckets: Mapping[int, bool]) -> None:
    """Make a shard's own tables. The connection is in a transaction, and holds the tables.

    Args:
        connection: To the shard.
        name: What the settings call it.
        buckets: Whether it may be written to, for each, as long as the shard itself says nothing of it.

    Raises:
        ConfigurationError: VX437, the database is another shard.
    """
    await connection.run_sync(_shard_data.create_all)
    is_called = await connection.scalar(select(_name.c.name))
    if is_called is None:
        await connection.execute(insert(_name), {"name": name})
        await connection.execute(insert(_fence), [{"bucket": one, "is_open": open_} for one, open_ in buckets.items()])
    elif is_called != name:
        raise ConfigurationError(
            "VX437",
            f"the database of the shard {name!r} is that of {is_called!r}",
            hint="Give each shard its own URL again, in the setting shards.",
        )


async def change(connection: AsyncConnection, bucket: int, before: Bucket, after: Bucket) -> bool:
    """Write a new line of the map; ``False``, and nothing changes, if owner and state are not those of ``before``."""
    changed = await connection.execute(
        update(_buckets)
        .where(_buckets.c.bucket == bucket, _buckets.c.state == before.state.value, _buckets.c.owner == before.owner)
        .values(owner=after.owner, state=after.state.value, other=after.other)
    )
    if changed.rowcount:
        await connection.execute(update(_version).values(version=_version.c.version + 1))
    return bool(changed.rowcount)


def is_fenced_off(connection: Connection, bucket: int) -> bool:
    """Whether the shard refuses to be written to; that stays as it is until the end of the transaction."""
    asked = select(_fence.c.is_open).where(_fence.c.bucket == bucket).with_for_update(read=True)
    return not connection.scalar(asked)


async def set_fence(connection: AsyncConnection, bucket: int, *, is_open: bool) -> bool:
    """Open or close a bucket on a shard, when the transactions that write to it have ended; what it was before."""
    asked = select(_fence.c.is_open).where(_fence.c.bucket == bucket).with_for_update()
    before = bool(await connection.scalar(asked))
    await connection.execute(update(_fence).where(_fence.c.bucket == bucket).values(is_open=is_open))
    return before
