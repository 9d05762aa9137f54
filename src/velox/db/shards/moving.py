"""Moves buckets from shard to shard while they are read and written; the states are those of :mod:`.ledger`.

    open ──▶ copying    the rows are copied, and what changes meanwhile is copied again, until little differs
         ──▶ closing    nobody writes; the rest is copied
         ──▶ opening    everybody reads from the new shard; every row is compared; then the new shard takes writes
         ──▶ cleaning   the old rows are deleted
         ──▶ open

Each step may be done twice, so a mover that was killed is simply started again, on any machine. Only between
``closing`` and ``cleaning`` do writers of these buckets wait: for two leases, and for the comparison.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from velox.db.shards import ledger
from velox.db.shards.buckets import rendezvous
from velox.db.shards.copying import Connections, empty, make_same, snapshot
from velox.db.shards.ledger import Bucket, Ledger, State, change, set_fence
from velox.errors import ConfigurationError

__all__ = ["Move", "Mover", "planned", "unfinished"]

_FEW = 100
"""As many rows that differ are copied while nobody writes."""
_TRIES = 20
"""How often to wait for a lock, each time as long as the database does."""
_MARGIN = 1.5
"""How much longer than a lease to wait, since clocks run at different speeds."""


@dataclass(frozen=True, slots=True)
class Move:
    """A bucket that is to change its shard."""

    bucket: int
    source: str
    target: str


def planned(known: Ledger, shards: Sequence[str]) -> list[Move]:
    """What would have to move for each bucket to be where rendezvous hashing puts it: few, after a shard more or less.

    Args:
        known: The map.
        shards: Those that are to have buckets.
    """
    moves = [Move(bucket, known[bucket].owner, rendezvous(bucket, shards)) for bucket in range(len(known))]
    return [move for move in moves if move.source != move.target and known[move.bucket].state is State.OPEN]


def unfinished(known: Ledger) -> list[Move]:
    """The moves that were begun."""
    found: list[Move] = []
    for bucket in range(len(known)):
        one = known[bucket]
        if one.state is State.OPEN or one.other is None:
            continue
        is_over = one.state in (State.OPENING, State.CLEANING)
        found.append(Move(bucket, *((one.other, one.owner) if is_over else (one.owner, one.other))))
    return found


class Mover:
    """Moves buckets.

    Args:
        main: The main database, with the map.
        shards: The shards by name.
        tables: The sharded tables, each after those that it refers to.
        report: Told of each state that is reached: the moves, and how many rows were written or deleted for it.
        is_busy: Whether an error only says that somebody else has a lock.
    """

    def __init__(
        self,
        main: Connections,
        shards: Mapping[str, Connections],
        tables: Sequence[Table],
        report: Callable[[Sequence[Move], State, int], None],
        *,
        is_busy: Callable[[Exception], bool],
    ) -> None:
        self._is_busy = is_busy
        self._main = main
        self._shards = shards
        self._tables = tables
        self._report = report

    async def move(self, moves: Sequence[Move]) -> None:
        """Move some buckets together, from wherever they are on their way, to the end.

        Raises:
            ConfigurationError: VX438, one is being moved elsewhere, or another process moves it.
        """
        known = await self._known()
        for move in moves:
            self._check(known[move.bucket], move)
        steps = (
            (State.OPEN, State.COPYING, self._begin),
            (State.COPYING, State.CLOSING, self._copy),
            (State.CLOSING, State.OPENING, self._close),
            (State.OPENING, State.CLEANING, self._open),
            (State.CLEANING, State.OPEN, self._clean),
        )
        for before, after, work in steps:
            known = await self._known()
            now = [move for move in moves if known[move.bucket] == _line(move, before)]
            if not now:
                continue
            if before in (State.COPYING, State.OPENING):
                # Then nobody reads by an older map any more.
                await asyncio.sleep(ledger.LEASE_S * _MARGIN)
            rows = 0
            for move in now:
                rows += await self._patiently(work, move)
                await self._patiently(partial(self._advance, before=before, after=after), move)
            self._report(now, after, rows)

    async def _patiently(self, work: Callable[[Move], Awaitable[int]], move: Move) -> int:
        """Do what may be done twice, until nobody has a lock in its way."""
        for _ in range(_TRIES):
            try:
                return await work(move)
            except DBAPIError as error:
                if not self._is_busy(error):
                    raise
        raise ConfigurationError(
            "VX438",
            f"others have kept their locks on the rows of bucket {move.bucket} for too long",
            hint="Find the transaction that stays open, and run velox shards move again: it goes on where it was.",
        )

    async def _begin(self, move: Move) -> int:
        return 0

    async def _copy(self, move: Move) -> int:
        total, before = 0, None
        while True:
            async with snapshot(self._shards[move.source]) as source:
                changed = await make_same(self._tables, move.bucket, source, partial(self._writing, move))
            total += changed
            # Where rows come as fast as they are copied, another pass brings nothing: the rest is for ``_close``.
            if changed <= _FEW or (before is not None and changed > before // 2):
                return total
            before = changed

    async def _close(self, move: Move) -> int:
        async with self._shards[move.source].write.begin() as connection:
            await set_fence(connection, move.bucket, is_open=False)
        if (await self._known())[move.bucket] != _line(move, State.CLOSING):
            # This process was asleep, and another one has moved the bucket there and back.
            async with self._shards[move.source].write.begin() as connection:
                await set_fence(connection, move.bucket, is_open=True)
            raise _elsewhere(move)
        async with snapshot(self._shards[move.source]) as source:
            return await make_same(self._tables, move.bucket, source, partial(self._writing, move))

    async def _open(self, move: Move) -> int:
        """Compare every row, and only then let the new shard be written to: in one transaction."""
        async with (
            snapshot(self._shards[move.source]) as source,
            self._shards[move.target].write.begin() as target,
        ):

            @asynccontextmanager
            async def writing() -> AsyncIterator[AsyncConnection]:
                yield target

            if await set_fence(target, move.bucket, is_open=True):
                return 0  # it was done already, by a mover that could not write that down any more
            written = await make_same(self._tables, move.bucket, source, writing)
            if written and await make_same(self._tables, move.bucket, source, writing):
                raise ConfigurationError(
                    "VX438",
                    f"the rows of bucket {move.bucket} on {move.target} are not those of {move.source} after copying",
                    hint="A column's type or a trigger changes what is stored. Mend it, and move again.",
                )
        return written

    async def _clean(self, move: Move) -> int:
        return await empty(self._tables, move.bucket, partial(self._writing, Move(move.bucket, "", move.source)))

    @asynccontextmanager
    async def _writing(self, move: Move) -> AsyncIterator[AsyncConnection]:
        """A transaction at the target, as long as it is not opened."""
        async with self._shards[move.target].write.begin() as connection:
            if await set_fence(connection, move.bucket, is_open=False):
                raise _elsewhere(move)
            yield connection

    async def _known(self) -> Ledger:
        known = Ledger()
        await known.read(self._main.read)
        return known

    async def _advance(self, move: Move, before: State, after: State) -> int:
        new = Bucket(move.target, after, None) if after is State.OPEN else _line(move, after)
        async with self._main.write.begin() as connection:
            if not await change(connection, move.bucket, _line(move, before), new):
                raise _elsewhere(move)
        return 0

    def _check(self, one: Bucket, move: Move) -> None:
        if missing := {move.source, move.target} - self._shards.keys():
            raise ConfigurationError(
                "VX438",
                f"there is no shard {', '.join(sorted(missing))}",
                hint=f"There are: {', '.join(self._shards)}.",
            )
        if one.state is not State.OPEN and {one.owner, one.other} != {move.source, move.target}:
            raise ConfigurationError(
                "VX438",
                f"bucket {move.bucket} is being moved between {one.owner} and {one.other}",
                hint="Finish that first: velox shards move.",
            )


def _line(move: Move, state: State) -> Bucket:
    """What the map says of a bucket when its move has come to ``state``; ``open`` is before the move."""
    match state:
        case State.OPEN:
            return Bucket(move.source, state, None)
        case State.COPYING | State.CLOSING:
            return Bucket(move.source, state, move.target)
        case _:
            return Bucket(move.target, state, move.source)


def _elsewhere(move: Move) -> ConfigurationError:
    return ConfigurationError(
        "VX438",
        f"another process moves bucket {move.bucket}, too",
        hint="Let one of them do it: velox shards status.",
    )
