"""What is asked of four shards is answered as one database would answer it, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sharded_models import Base, Item, Order, spread
from velox.db import Database, PageQuery, col, func, select
from velox.db.shards.buckets import bucket_of, new_id
from velox.db.shards.sharded import Misplaced

USERS = 12
COLUMNS: dict[str, Any] = {"user": Order.user_id, "total": Order.total, "note": Order.note, "id": Order.id}


class Both:
    """The same rows on four shards and in one database, in one event loop."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.one = Database(f"sqlite:///{folder}/one.db")
        self._open = spread(folder)
        self.four = self.runner.run(self._fill())

    async def _fill(self) -> Database:
        four = await self._open.__aenter__()
        await self.one.start()
        await self.one.create_tables(Base.metadata)
        for user in range(USERS):
            bucket = bucket_of(user)
            orders: list[dict[str, Any]] = [
                {"id": new_id(bucket), "user_id": user, "total": n * user % 7 - 2, "note": [None, "a", "B", "é"][n % 4]}
                for n in range(user % 5)
            ]
            items: list[dict[str, Any]] = [
                {"id": new_id(bucket), "user_id": user, "order_id": order["id"], "name": f"{n}"}
                for order in orders
                for n in range(user % 3)
            ]
            for database in (self.one, four):
                async with database.session() as db:
                    await db.insert_many([Order(**order) for order in orders])
                    await db.insert_many([Item(**item) for item in items])
        return four

    def close(self) -> None:
        self.runner.run(self._open.__aexit__(None, None, None))
        self.runner.run(self.one.stop())
        self.runner.close()

    def ask(self, statement: Any) -> tuple[Any, Any, Any]:
        """The answers of one database, of a Session over four shards, and of a Reader."""

        async def asking() -> tuple[Any, Any, Any]:
            async with self.one.reader() as db:
                expected = await db.exec(statement)
            async with self.four.session() as db:
                by_session = (await db.exec(statement)).all()
            async with self.four.reader() as db:
                by_reader = await db.exec(statement)
            return plain(expected), plain(by_session), plain(by_reader)

        return self.runner.run(asking())


def plain(rows: Sequence[Any]) -> list[Any]:
    return [_plain(row) for row in rows]


def _plain(row: Any) -> Any:
    if hasattr(row, "model_dump"):
        return tuple(sorted(row.model_dump().items()))
    return tuple(_plain(one) for one in row) if isinstance(row, tuple) else row


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    made = Both(tmp_path_factory.mktemp("shards"))
    yield made
    made.close()


@st.composite
def conditions(draw: st.DrawFn, statement: Any) -> Any:
    """``statement`` with some conditions."""
    users = st.integers(0, USERS)
    for kind in draw(st.lists(st.sampled_from(["user", "users", "range", "total", "note", "either"]), max_size=2)):
        match kind:
            case "user":
                statement = statement.where(Order.user_id == draw(users))
            case "users":
                statement = statement.where(col(Order.user_id).in_(draw(st.lists(users, max_size=3))))
            case "range":
                statement = statement.where(Order.user_id > draw(users))
            case "total":
                statement = statement.where(Order.total >= draw(st.integers(-2, 5)))
            case "note":
                statement = statement.where(col(Order.note).is_(None))
            case "either":
                statement = statement.where((Order.user_id == draw(users)) | (Order.total == 1))
    return statement


@st.composite
def rows(draw: st.DrawFn) -> tuple[Any, bool]:
    """A select of rows, and whether their order is said."""
    chosen: Any = draw(
        st.sampled_from(
            [
                select(Order),
                select(Order.id, Order.total),
                select(Order.total, func.lower(Order.note)),
                select(Order, Item).join(Item),
                select(Order.id, Item.name).join(Item, col(Item.order_id) == Order.id),
                select(Order, Item).join(Item, col(Item.user_id) == Order.user_id),
                select(Order, Item.name).outerjoin(Item),
            ]
        )
    )
    is_joined = len(chosen.get_final_froms()) != 1 or "JOIN" in str(chosen)
    statement = draw(conditions(chosen))
    keys = draw(st.lists(st.sampled_from(["user", "total", "note"]), max_size=3, unique=True))
    for key in keys:
        by = col(COLUMNS[key])
        order = [by.asc(), by.desc(), by.desc().nulls_first(), by.asc().nulls_last(), by.desc().nulls_last()]
        statement = statement.order_by(draw(st.sampled_from(order)))
    is_ordered = draw(st.booleans())
    if is_ordered:
        statement = statement.order_by(col(Order.id))
        if is_joined:
            statement = statement.order_by(col(Item.id))
        statement = statement.limit(draw(st.none() | st.integers(0, 12)))
        statement = statement.offset(draw(st.none() | st.integers(0, 8)))
    return statement, is_ordered


@st.composite
def aggregates(draw: st.DrawFn) -> Any:
    found = [
        func.count(),
        func.count(col(Order.note)),
        func.sum(Order.total),
        func.min(Order.total),
        func.max(Order.note),
        func.max(Order.user_id).label("most"),
        func.avg(Order.total),
        func.count(func.distinct(Order.user_id)),
    ]
    several: list[Any] = draw(st.lists(st.sampled_from(found), min_size=1, max_size=3))
    return draw(conditions(select(*several).select_from(Order)))


FAST = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@FAST
@given(asked=rows())
def test_rows_are_those_of_one_database(both: Both, asked: tuple[Any, bool]) -> None:
    """Whatever is selected, joined, filtered, sorted and cut; none of these is refused."""
    statement, is_ordered = asked
    expected, by_session, by_reader = both.ask(statement.execution_options(scatter=True))
    if not is_ordered:
        expected, by_session, by_reader = (sorted(found, key=repr) for found in (expected, by_session, by_reader))
    assert by_session == expected
    assert by_reader == expected


@FAST
@given(statement=aggregates())
def test_aggregates_are_those_of_one_database_or_refused(both: Both, statement: Any) -> None:
    """``avg`` and what counts distinct values need all rows in one place, if several shards have them."""
    text = str(statement)
    try:
        expected, by_session, by_reader = both.ask(statement.execution_options(scatter=True))
    except Misplaced:
        assert "avg(" in text or "distinct" in text.lower()
    else:
        assert by_session == expected
        assert by_reader == expected


@FAST
@given(statement=conditions(select(Order)), query=st.tuples(st.integers(1, 5), st.integers(0, 30)), fresh=st.booleans())
def test_a_page_and_its_total_are_those_of_one_database(
    both: Both, statement: Any, query: tuple[int, int], fresh: bool
) -> None:
    asked = statement.order_by(col(Order.id)).execution_options(scatter=True)

    async def pages() -> list[Any]:
        found = []
        for database in (both.one, both.four):
            opened: Any = database.session() if fresh else database.reader()
            async with opened as db:
                page = await db.page(asked, PageQuery[Order](limit=query[0], offset=query[1]))
                found.append((plain(page.items), page.total))
        return found

    expected, actual = both.runner.run(pages())
    assert actual == expected


@FAST
@given(statement=conditions(select(Order)))
def test_a_statement_that_does_not_say_scatter_asks_one_shard_or_none(both: Both, statement: Any) -> None:
    """Without the shard key it is refused with VX433, and with it the answer is right."""
    with suppress(Misplaced):
        expected, by_session, by_reader = both.ask(statement)
        assert sorted(by_session, key=repr) == sorted(by_reader, key=repr) == sorted(expected, key=repr)
        return
    with pytest.raises(Misplaced, match="VX433"):
        both.ask(statement)


@FAST
@given(user=st.integers(-(2**63), 2**63 - 1), other=st.integers(0, 1023))
def test_an_id_tells_the_bucket_that_its_key_has(user: int, other: int) -> None:
    made = new_id(bucket_of(user))
    assert isinstance(made, UUID)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 64 & 1023 == bucket_of(user)
    assert new_id(other) != new_id(other)
