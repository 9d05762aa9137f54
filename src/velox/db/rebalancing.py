"""What an operator asks of the shards of a database: where everything is, what should move, and moving it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import MetaData, func, select

from velox.db.database import Database
from velox.db.model import Model
from velox.db.refusal import Reason, refusal
from velox.db.shards.copying import Connections
from velox.db.shards.ledger import Ledger, State
from velox.db.shards.moving import Move, Mover, planned, unfinished
from velox.db.shards.sharded import sharded
from velox.errors import ConfigurationError

__all__ = ["Move", "ShardStatus", "State", "ledger_of", "move_buckets", "planned", "status_of", "unfinished"]

TOGETHER = 8
"""Buckets that are moved at the same time: they share the waiting, and writers of all of them wait for each."""


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """One shard.

    Args:
        name: Its name in the settings.
        url: Where it is, without a password.
        buckets: How many buckets it has.
        rows: How many rows it has of each sharded table, those included that are just being moved.
    """

    name: str
    url: str
    buckets: int
    rows: dict[str, int]


async def ledger_of(database: Database) -> Ledger:
    """The map as it is now.

    Raises:
        ConfigurationError: VX437, there are no shards in the settings.
    """
    if not database.shards:
        raise ConfigurationError(
            "VX437", "there are no shards in the settings", hint="Name the first: VELOX_SHARDS__S0=postgresql://..."
        )
    known = Ledger()
    await known.read(database.lanes_of("").read)
    return known


async def status_of(database: Database, metadata: MetaData = Model.metadata) -> list[ShardStatus]:
    """Every shard, in the order of the settings."""
    known = await ledger_of(database)
    owners = Counter(known[bucket].owner for bucket in range(len(known)))
    found: list[ShardStatus] = []
    for name in database.shards:
        shard = database.others[name]
        async with shard.connection() as connection:
            missing = set(await shard.missing_tables(metadata))
            rows = {
                table.name: int(await connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in metadata.sorted_tables
                if sharded(table) is not None and table.name not in missing
            }
        found.append(ShardStatus(name, shard.display_url, owners[name], rows))
    return found


async def move_buckets(
    database: Database,
    moves: Sequence[Move],
    report: Callable[[Sequence[Move], State, int], None] = lambda _moves, _state, _rows: None,
    metadata: MetaData = Model.metadata,
) -> None:
    """Move buckets, a few at a time, while everybody goes on working.

    It may be killed at any moment: what was begun is in :func:`unfinished`, to be given to it again.

    Args:
        database: A started one.
        moves: What is to move; of one that was begun, the rest is done.
        report: Told of each state that some of them have reached, and of the rows that were written for it.
        metadata: Whose tables.

    Raises:
        ConfigurationError: VX438, one is being moved elsewhere, or by another process, or a shard is not migrated.
    """
    tables = [table for table in metadata.sorted_tables if sharded(table) is not None]
    for name in {name for move in moves for name in (move.source, move.target)} & set(database.shards):
        if missing := {table.name for table in tables} & set(await database.others[name].missing_tables(metadata)):
            raise ConfigurationError(
                "VX438",
                f"the shard {name} has no table {', '.join(sorted(missing))} to move rows from or to",
                hint="Run: velox migrate.",
            )
    shards: dict[str, Connections] = {name: database.lanes_of(name) for name in database.shards}
    mover = Mover(database.lanes_of(""), shards, tables, report, is_busy=_is_busy)
    for start in range(0, len(moves), TOGETHER):
        await mover.move(moves[start : start + TOGETHER])


def _is_busy(error: Exception) -> bool:
    found = refusal(error)
    return found is not None and found.reason is Reason.BUSY
