"""Rows on four shards: each is on one, and nobody has to say which."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy import text as sql
from sqlalchemy.orm import aliased

from tests.sharded_models import SHARDS, Base, Item, Note, Order, Setting
from velox.db import Database, Public, Session, col, func, select, selectinload
from velox.db.shards.buckets import bucket_of, new_id
from velox.db.shards.sharded import Misplaced
from velox.errors import Conflict

pytestmark = pytest.mark.anyio
Work = Callable[[Session], Any]


async def filled(database: Database, users: int = 20) -> dict[int, UUID]:
    """An order with an item for each user, and the orders' ids."""
    ids: dict[int, UUID] = {}
    for user in range(users):
        async with database.session() as db:
            order = await db.add(Order(user_id=user, total=user % 5))
            assert order.id is not None
            ids[user] = order.id
            await db.add(Item(user_id=user, order_id=order.id, name=f"item of {user}"))
    return ids


async def counts(database: Database) -> list[int]:
    """How many orders each shard has."""
    found = []
    for name in SHARDS:
        async with database.others[name].connection() as connection:
            found.append(int(await connection.scalar(select(func.count()).select_from(Order)) or 0))
    return found


async def change(database: Database, *ids: UUID, **values: int) -> None:
    """Change some orders in one session."""
    async with database.session() as db:
        for one in ids:
            order = await db.get(Order, one)
            for name, value in values.items():
                setattr(order, name, value)


async def test_rows_are_spread_and_found_again(either: Database) -> None:
    """By key, by id, by all shards; each row is on one shard."""
    ids = await filled(either)
    spread = await counts(either)
    assert sum(spread) == 20
    assert sum(map(bool, spread)) > 1
    async with either.session() as db:
        found = await db.get(Order, ids[3])
        assert found is not None
        assert found.user_id == 3
        assert (await db.exec(select(Order).where(Order.user_id == 7))).one().id == ids[7]
        assert (await db.exec(select(Order.total).where(Order.id == ids[9]))).one() == 4
        newest = select(Order).order_by(col(Order.user_id).desc()).limit(3).execution_options(scatter=True)
        assert [order.user_id for order in (await db.exec(newest)).all()] == [19, 18, 17]
        everything = select(func.count(), func.sum(Order.total)).select_from(Order).execution_options(scatter=True)
        assert tuple((await db.exec(everything)).one()) == (20, 40)
    async with either.reader() as db:
        assert [order.user_id for order in await db.exec(newest)] == [19, 18, 17]
        assert tuple(await db.one(everything)) == (20, 40)
        assert await db.get(Order, new_id(5)) is None


async def test_json_is_read_from_one_shard(either: Database) -> None:
    """That of the key; what would have to be merged is refused."""
    ids = await filled(either, 8)
    async with either.reader() as db:
        written = await db.json(select(Order).where(Order.user_id == 4), Public[Order])
        assert [row["id"] for row in json.loads(written)] == [str(ids[4])]
        with pytest.raises(Misplaced, match="VX434"):
            await db.json(select(Order).execution_options(scatter=True), Public[Order])


async def test_relationships_stay_on_the_shard_of_their_row(either: Database) -> None:
    """Of one shard's rows, and of all shards'."""
    ids = await filled(either, 8)
    everything = select(Order).order_by(col(Order.user_id)).execution_options(scatter=True)
    expected = [[f"item of {user}"] for user in range(8)]
    async with either.session() as db:
        orders = (await db.exec(everything.options(selectinload(Order.items)))).all()  # type: ignore[arg-type]
        assert [[item.name for item in order.items] for order in orders] == expected
        order = await db.get(Order, ids[4])
        await db.refresh(order, ["items"])
        assert order is not None
        assert order.items[0].name == "item of 4"
    async with either.reader() as db:
        orders = list(await db.exec(everything, load=[Order.items]))
        assert [[item.name for item in order.items] for order in orders] == expected
        one = await db.get(Order, ids[4], load=[Order.items])
        assert one is not None
        assert one.items[0].name == "item of 4"
        async for order in db.stream(select(Order).where(Order.user_id == 4).options(selectinload(Order.items))):  # type: ignore[arg-type]
            assert order.items[0].name == "item of 4"


async def test_rows_are_changed_and_deleted_where_they_are(either: Database) -> None:
    ids = await filled(either, 4)
    async with either.session() as db:
        order = await db.get(Order, ids[2], lock=True)
        assert order is not None
        order.total = 77
        await db.insert_many([Order(user_id=2, total=n) for n in range(3)])
        await db.exec(update(Order).where(col(Order.user_id) == 2, col(Order.total) < 3).values(note="low"))
        await db.exec(delete(Item).where(col(Item.order_id) == ids[2]))
    async with either.session() as db:
        await db.upsert(
            [Setting(user_id=1, name="a", rank=1), Setting(user_id=1, name="b", rank=2)], on=["user_id", "name"]
        )
        await db.upsert([Setting(user_id=1, name="a", rank=3)], on=["user_id", "name"])
    async with either.session() as db:
        await db.delete(await db.get(Setting, (1, "b")))
    async with either.writer() as writer:
        stored = await writer.add(Order(user_id=3))
    async with either.reader() as db:
        mine = await db.exec(select(Order).where(Order.user_id == 2).order_by(col(Order.total)))
        assert [(order.total, order.note) for order in mine] == [(0, "low"), (1, "low"), (2, "low"), (77, None)]
        assert await db.exec(select(Item).where(Item.user_id == 2)) == []
        assert [one.rank for one in await db.exec(select(Setting).where(Setting.user_id == 1))] == [3]
        assert await db.get(Order, stored.id) is not None


async def test_rows_of_one_key_may_be_joined(files: Database) -> None:
    """Where the join says that they are of one key, in whatever way."""
    ids = await filled(files, 4)
    other = aliased(Order)
    mine = select(Order.id, Item.name)
    same_key = col(Item.user_id) == Order.user_id
    async with files.session() as db:
        for statement in (
            mine.join(Item).where(Order.user_id == 2),
            mine.join(Item, col(Item.order_id) == Order.id).where(Item.user_id == 2),
            mine.where(same_key, Order.id == ids[2]),
            select(other.id, Item.name).join(Item, col(Item.order_id) == other.id).where(other.user_id == 2),
        ):
            assert (await db.exec(statement)).all() == [(ids[2], "item of 2")]


REFUSED: dict[str, tuple[str, Work]] = {
    "no key": ("VX433", lambda db: db.exec(select(Order))),
    "either key": ("VX433", lambda db: db.exec(select(Order).where((Order.user_id == 1) | (Order.total == 1)))),
    "update without a key": ("VX433", lambda db: db.exec(update(Order).values(total=1).where(col(Order.total) == 2))),
    "delete everywhere": ("VX433", lambda db: db.exec(delete(Order).execution_options(scatter=True))),
    "two keys": ("VX434", lambda db: db.exec(select(Order, Item).where(Order.user_id == 1, Item.user_id == 2))),
    "join without a key": ("VX434", lambda db: db.exec(select(Order, Item).where(Order.user_id == 1))),
    "join by name": (
        "VX434",
        lambda db: db.exec(select(Order, Item).where(col(Order.note) == Item.name).execution_options(scatter=True)),
    ),
    "subquery": (
        "VX434",
        lambda db: db.exec(select(Order).where(Order.user_id == 1, col(Order.id).in_(select(Item.order_id)))),
    ),
    "text": ("VX434", lambda db: db.exec(select(Order).where(Order.user_id == 1, sql("1 = 1")))),
    "group by": (
        "VX434",
        lambda db: db.exec(
            select(Order.total, func.count()).group_by(col(Order.total)).execution_options(scatter=True)
        ),
    ),
    "distinct": ("VX434", lambda db: db.exec(select(Order.total).distinct().execution_options(scatter=True))),
    "average": ("VX434", lambda db: db.exec(select(func.avg(Order.total)).execution_options(scatter=True))),
    "unknown function": (
        "VX434",
        lambda db: db.exec(select(func.group_concat(Order.note)).execution_options(scatter=True)),
    ),
    "expression of aggregates": (
        "VX434",
        lambda db: db.exec(select(func.max(Order.total) - func.min(Order.total)).execution_options(scatter=True)),
    ),
    "window": (
        "VX434",
        lambda db: db.exec(select(Order.id, func.count().over(order_by=col(Order.id))).execution_options(scatter=True)),
    ),
    "lock": ("VX434", lambda db: db.exec(select(Order).with_for_update().execution_options(scatter=True))),
    "stream": ("VX434", lambda db: db.stream(select(Order).execution_options(scatter=True))),
    "insert()": ("VX434", lambda db: db.exec(insert(Order).values(user_id=1, id=new_id(bucket_of(1))))),
    "change of the key": (
        "VX436",
        lambda db: db.exec(update(Order).values(user_id=2).where(col(Order.user_id) == 1)),
    ),
    "key of another type": ("VX436", lambda db: db.exec(select(Order).where(col(Order.user_id) == "1"))),
    "no key in a row": ("VX436", lambda db: db.exec(insert(Order), params=[{"total": 1}])),
    "id of another key": ("VX436", lambda db: db.add(Order(user_id=1, id=new_id(bucket_of(1) ^ 1)))),
    "id of nobody": ("VX436", lambda db: db.get(Order, 7)),
    "parent of another key": ("VX436", lambda db: db.add(Item(user_id=1, order_id=new_id(bucket_of(1) ^ 1), name=""))),
    "join with another database": ("VX431", lambda db: db.exec(select(Order, Note).where(Order.user_id == 1))),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_would_be_answered_wrongly_is_refused(files: Database, what: str) -> None:
    """With the code that says why, and a hint; nothing is written."""
    code, work = REFUSED[what]
    with pytest.raises(Misplaced) as caught:
        async with files.session() as db:
            await work(db)
    assert caught.value.code == code
    assert await counts(files) == [0, 0, 0, 0]


async def test_a_flush_to_two_shards_is_refused_before_anything_is_written(files: Database) -> None:
    ids = await filled(files, 8)
    users = sorted(ids, key=lambda user: files._ledger[bucket_of(user)].owner)
    first, last = users[0], users[-1]
    with pytest.raises(Misplaced, match=r"VX432 this session has written to 's\d', and would now write to 's\d'"):
        async with files.session() as db:
            await db.insert_many([Order(user_id=first), Order(user_id=last)])
    with pytest.raises(Misplaced, match="VX432"):
        await change(files, ids[first], ids[last], total=1000)
    async with files.reader() as db:
        assert await db.exec(select(Order).where(Order.total == 1000).execution_options(scatter=True)) == []
    assert sum(await counts(files)) == 8


async def test_the_key_of_a_row_stays(files: Database) -> None:
    ids = await filled(files, 2)
    with pytest.raises(Misplaced, match=r"VX436 order.user_id = 1 is to become 12345, on another shard\. Delete"):
        await change(files, ids[1], user_id=12345)


async def test_what_is_unique_is_kept_on_its_shard(either: Database) -> None:
    """A taken value is a 409, as everywhere."""
    async with either.session() as db:
        await db.add(Setting(user_id=1, name="a", rank=1))
    with pytest.raises(Conflict):
        async with either.session() as db:
            await db.add(Setting(user_id=1, name="b", rank=1))


async def test_without_shards_the_same_code_works_in_the_main_database(tmp_path: Any) -> None:
    """As in development; ids tell their buckets there, too, so that they can be spread later."""
    database = Database(f"sqlite:///{tmp_path}/app.db")
    await database.start()
    await database.alone().create_tables(Base.metadata)
    async with database.session() as db:
        order = await db.add(Order(user_id=7))
        assert order.id is not None
        await db.add(Item(user_id=7, order_id=order.id, name="x"))
        await db.insert_many([Order(user_id=8, id=new_id(bucket_of(8)))])
        newest = select(Order).order_by(col(Order.user_id).desc()).execution_options(scatter=True)
        assert [each.user_id for each in (await db.exec(newest)).all()] == [8, 7]
        assert order.id is not None
        assert order.id.int >> 64 & 1023 == bucket_of(7)
    with pytest.raises(Misplaced, match="VX436"):
        async with database.session() as db:
            await db.add(Item(user_id=8, order_id=order.id, name="x"))
    await database.stop()
