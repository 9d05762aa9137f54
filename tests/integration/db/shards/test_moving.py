"""Buckets change their shard while they are read and written: nothing is lost, doubled or hidden for a moment."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from tests.sharded_models import SHARDS, Base, Item, Order, Setting, spread
from velox.db import Database, col, func, select
from velox.db.placement import part_of
from velox.db.rebalancing import Move, State, ledger_of, move_buckets, planned, status_of, unfinished
from velox.db.shards import copying, ledger
from velox.db.shards.buckets import BUCKETS, bucket_of, rendezvous
from velox.errors import ConfigurationError, ServiceUnavailable

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[4]
FIRST = 250


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes moments, and what is many rows is few."""
    monkeypatch.setattr(ledger, "LEASE_S", 0.1)
    monkeypatch.setattr(copying, "_AT_ONCE", 100)


async def move_of(database: Database, user: int) -> Move:
    """A move of the bucket of a user to the next shard."""
    bucket = bucket_of(user)
    owner = (await ledger_of(database))[bucket].owner
    return Move(bucket, owner, SHARDS[(SHARDS.index(owner) + 1) % len(SHARDS)])


async def add_order(database: Database, user: int) -> UUID:
    """An order with its item, however often it has to be tried."""
    while True:
        try:
            async with database.session() as db:
                order = await db.add(Order(user_id=user, total=-1))
                assert order.id is not None
                await db.add(Item(user_id=user, order_id=order.id, name="x"))
        except ServiceUnavailable:
            await asyncio.sleep(0.01)
            continue
        return order.id


async def orders_of(database: Database, user: int) -> list[UUID]:
    async with database.reader() as db:
        found = await db.exec(select(Order.id).where(Order.user_id == user, Order.total == -1))
    return [one for one in found if one is not None]


async def rows_on(database: Database, shard: str, user: int) -> int:
    """What a shard itself has of a user."""
    async with database.others[shard].connection() as connection:
        asked = select(func.count()).select_from(Order).where(Order.user_id == user)
        return int(await connection.scalar(asked) or 0)


async def test_a_move_under_load_loses_and_doubles_nothing(either: Database) -> None:
    """Four writers and a reader of all shards go on; each answer is right, whenever it is asked for."""
    users = (7, 9)
    async with either.session() as db:
        await db.insert_many([Order(user_id=7, total=n) for n in range(FIRST)])
        await db.insert_many([Setting(user_id=7, name=f"{n}", rank=n) for n in range(60)])
    stored: dict[int, list[UUID]] = {user: [] for user in users}
    asked = 0
    over = asyncio.Event()

    async def write(user: int) -> None:
        while not over.is_set():
            stored[user].append(await add_order(either, user))
            await asyncio.sleep(0.005)

    async def read() -> None:
        nonlocal asked
        everything = select(func.count()).select_from(Order).execution_options(scatter=True)
        while not over.is_set():
            before = sum(map(len, stored.values()))
            async with either.reader() as db:
                count = await db.one(everything)
                assert FIRST + before <= count <= FIRST + sum(map(len, stored.values())) + 4
                if stored[7]:
                    assert await db.get(Order, stored[7][-1]) is not None
            asked += 1
            await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        for user in users * 2:
            group.create_task(write(user))
        group.create_task(read())
        moves = [await move_of(either, user) for user in users]
        seen: list[State] = []
        await move_buckets(either, moves, lambda _moves, state, _rows: seen.append(state), Base.metadata)
        over.set()
    assert seen == [State.COPYING, State.CLOSING, State.OPENING, State.CLEANING, State.OPEN]
    assert asked > 5
    for move, user in zip(moves, users, strict=True):
        assert sorted(await orders_of(either, user)) == sorted(stored[user])
        assert await rows_on(either, move.source, user) == 0
        known = (await ledger_of(either))[move.bucket]
        assert (known.owner, known.state, known.other) == (move.target, State.OPEN, None)
    async with either.reader() as reader:
        ranks = await reader.exec(select(Setting.rank).where(Setting.user_id == 7).order_by(col(Setting.rank)))
    assert list(ranks) == list(range(60))


MOVER = """
import asyncio, sys, time
from pathlib import Path
from tests.sharded_models import Base, spread
from velox.db.placement import part_of
from velox.db.rebalancing import Move, move_buckets, unfinished, ledger_of
from velox.db.shards import copying, ledger, moving

ledger.LEASE_S, copying._AT_ONCE = 0.1, 20
folder, until, bucket, source, target = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:]

def stop():
    print("there", flush=True)
    time.sleep(600)

def report(_moves, state, _rows):
    if state == until:
        stop()

if until == "midway":
    writing, count = moving.Mover._writing, 0
    from contextlib import asynccontextmanager
    @asynccontextmanager
    async def counted(self, move):
        global count
        async with writing(self, move) as connection:
            yield connection
            count += 1
            if count == 8:
                stop()
    moving.Mover._writing = counted

async def main():
    async with spread(folder) as database:
        begun = unfinished(await ledger_of(database))
        await move_buckets(database, begun or [Move(bucket, source, target)], report, Base.metadata)

asyncio.run(main())
"""


async def test_a_move_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed while it copies, and in each state after it; what is written in between is there at the end."""
    async with spread(tmp_path) as database:
        async with database.session() as db:
            await db.insert_many([Order(user_id=7, total=n) for n in range(FIRST)])
        move = await move_of(database, 7)
        stored: list[UUID] = []
        for until in ("midway", "closing", "opening"):
            await asyncio.to_thread(_run_until, tmp_path, until, move)
            state = (await ledger_of(database))[move.bucket].state
            assert unfinished(await ledger_of(database)) == [move]
            if state.takes_writes:
                stored += [await add_order(database, 7) for _ in range(3)]
            assert sorted(await orders_of(database, 7)) == sorted(stored)
        await move_buckets(database, unfinished(await ledger_of(database)), metadata=Base.metadata)
        assert sorted(await orders_of(database, 7)) == sorted(stored)
        assert await rows_on(database, move.target, 7) == FIRST + len(stored)
        assert await rows_on(database, move.source, 7) == 0
        stored.append(await add_order(database, 7))
        assert unfinished(await ledger_of(database)) == []


def _run_until(folder: Path, until: str, move: Move) -> None:
    command = [sys.executable, "-c", MOVER, str(folder), until, str(move.bucket), move.source, move.target]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.kill()


async def test_writers_wait_while_a_bucket_is_between_two_shards(files: Database) -> None:
    """For as long as they wait for a lock; readers see it all the time."""
    first = await add_order(files, 7)
    move = await move_of(files, 7)
    waiting: list[asyncio.Task[UUID]] = []

    def report(_moves: Sequence[Move], state: State, _rows: int) -> None:
        if state is State.CLOSING:
            waiting.append(asyncio.create_task(add_order(files, 7)))
        if state is State.OPENING:
            assert not waiting[0].done()

    await move_buckets(files, [move], report, Base.metadata)
    assert set(await orders_of(files, 7)) == {first, await waiting[0]}
    assert await rows_on(files, move.target, 7) == 2


async def test_a_process_with_an_old_map_cannot_write_where_rows_have_left(tmp_path: Path) -> None:
    """Its map says otherwise, and the shard refuses; then it learns better."""
    async with spread(tmp_path) as database, spread(tmp_path) as other:
        await add_order(database, 7)
        known = other._ledger
        await move_buckets(database, [await move_of(database, 7)], metadata=Base.metadata)
        known._read_at = float("inf")  # as if no time had passed
        with pytest.raises(ServiceUnavailable, match="being moved"):
            async with other.session() as db:
                await db.add(Order(user_id=7))
        await add_order(other, 7)
        assert len(await orders_of(database, 7)) == 2


async def test_rows_that_differ_at_the_target_are_put_right(files: Database) -> None:
    """Whatever an earlier attempt has left there: rows too many, too few, others, and exchanged unique values."""
    async with files.session() as db:
        await db.insert_many([Setting(user_id=7, name=f"{n}", rank=n) for n in range(50)])
    move = await move_of(files, 7)
    bucket = {"velox_bucket": move.bucket, "user_id": 7}
    wrong = [{"name": f"{n}", "rank": 49 - n, **bucket} for n in range(5, 50)]
    wrong.append({"name": "extra", "rank": 99, **bucket})
    async with files.others[move.target].writing_connection() as connection, connection.begin():
        await connection.execute(Setting.__table__.insert(), wrong)
    await move_buckets(files, [move], metadata=Base.metadata)
    async with files.reader() as db:
        found = await db.exec(select(Setting).where(Setting.user_id == 7))
    assert {(one.name, one.rank) for one in found} == {(f"{n}", n) for n in range(50)}


async def test_a_new_shard_gets_its_share(tmp_path: Path) -> None:
    """What is planned takes from each, and afterwards there is nothing to plan."""
    urls = {name: f"sqlite:///{tmp_path}/{name}.db" for name in ("a", "b", "c")}
    two = Database(f"sqlite:///{tmp_path}/main.db", shards={name: urls[name] for name in ("a", "b")})
    await two.start()
    await two.create_tables(part_of(Base.metadata, {"shards"}))
    assert planned(await ledger_of(two), two.shards) == []
    await two.stop()
    three = Database(f"sqlite:///{tmp_path}/main.db", shards=urls)
    await three.start()
    await three.create_tables(part_of(Base.metadata, {"shards"}))
    moves = planned(await ledger_of(three), three.shards)
    assert {move.target for move in moves} == {"c"}
    assert len(moves) == [rendezvous(bucket, list(urls)) for bucket in range(BUCKETS)].count("c")
    await move_buckets(three, moves[:8], metadata=Base.metadata)
    assert {one.name: one.buckets for one in await status_of(three, Base.metadata)}["c"] == 8
    assert len(planned(await ledger_of(three), three.shards)) == len(moves) - 8
    await three.stop()
    with pytest.raises(ConfigurationError, match="VX437 there are rows on the shard c, which is not in the setting"):
        await two.start()
    swapped = Database(f"sqlite:///{tmp_path}/main.db", shards={**urls, "a": urls["b"], "b": urls["a"]})
    with pytest.raises(ConfigurationError, match="VX437 the database of the shard 'a' is that of 'b'"):
        await swapped.start()


async def test_a_bucket_that_is_on_its_way_is_not_sent_elsewhere(files: Database) -> None:
    move = await move_of(files, 7)
    seen: list[State] = []

    def stop(_moves: Sequence[Move], state: State, _rows: int) -> None:
        seen.append(state)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await move_buckets(files, [move], stop, Base.metadata)
    elsewhere = next(name for name in SHARDS if name not in (move.source, move.target))
    with pytest.raises(ConfigurationError, match=r"VX438 bucket .* is being moved between"):
        await move_buckets(files, [Move(move.bucket, move.source, elsewhere)], metadata=Base.metadata)
    with pytest.raises(ConfigurationError, match="VX438 there is no shard nowhere"):
        await move_buckets(files, [Move(1, move.source, "nowhere")], metadata=Base.metadata)
