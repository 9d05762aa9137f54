"""``Cache`` and ``@cached``: typed on the way back, one call for all, and no pickle anywhere near."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

from velox import NotFound, Velox
from velox.cache import Cache, cached
from velox.db import Field, Model, Public, Session
from velox.redis import Redis
from velox.tasks import provided, task
from velox.testing import Jobs, TestClient, isolated

Make = Callable[..., Velox]


class Item(BaseModel):
    name: str
    price: Decimal


class CachedRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    made_at: datetime


@dataclass
class Point:
    x: int
    y: tuple[int, ...] = ()


NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(params=["memory", "redis"])
async def app(request: pytest.FixtureRequest, make_app: Make) -> AsyncIterator[Velox]:
    """Running; on Redis nothing is near, so that every value makes the way."""
    if request.param == "memory":
        app = make_app()
        async with app.lifespan():
            yield app
        return
    redis_url = request.getfixturevalue("redis_url")
    app = make_app(name=f"values-{uuid4().hex}", redis_url=redis_url, redis_timeout_s=5.0, cache_memory_bytes=0)
    async with app.lifespan():
        yield app
        assert app.redis is not None
        redis: Redis = app.redis
        keys = await redis.run(lambda client: client.keys(f"{redis.prefix}*"))
        await redis.run(lambda client: client.delete(*keys, "nothing"))


@pytest.fixture
def cache(app: Velox) -> Cache:
    return app.cache


class TestValues:
    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (Item(name="a", price=Decimal("1.10")), Item),
            (CachedRow(id=1, name="a", made_at=NOW), Public[CachedRow]),
            (Point(1, (2, 3)), Point),
            ([Point(1), Point(2)], list[Point]),
            (NOW, datetime),
            (UUID(int=5), UUID),
            (b"\xff\x00\x01", bytes),
            ({"a": {1, 2}}, dict[str, set[int]]),
            (None, type(None)),
        ],
        ids=str,
    )
    async def test_they_come_back_as_what_they_were(self, cache: Cache, value: Any, kind: Any) -> None:
        await cache.set("key", value, "1m")
        found = await cache.get("key", kind)
        assert isinstance(found, kind) if isinstance(kind, type) else True
        expected = value.model_dump() if isinstance(value, BaseModel) else value
        assert (found.model_dump() if isinstance(found, BaseModel) else found) == expected

    async def test_what_is_read_may_be_changed_without_harm(self, cache: Cache) -> None:
        await cache.set("key", {"a": [1]}, "1m")
        (await cache.get("key"))["a"].append(2)
        assert await cache.get("key") == {"a": [1]}

    async def test_what_does_not_fit_is_as_if_it_were_not_there(self, cache: Cache) -> None:
        await cache.set("key", {"name": "a"}, "1m")
        assert await cache.get("key", Item) is None
        assert await cache.get("key") == {"name": "a"}

    @pytest.mark.parametrize("kind", [CachedRow, list[CachedRow], CachedRow | None])
    async def test_a_table_is_refused_since_its_dates_would_come_back_as_text(self, cache: Cache, kind: Any) -> None:
        await cache.set("key", CachedRow(id=1, name="a", made_at=NOW), "1m")
        with pytest.raises(TypeError, match=r"Public\[CachedRow\]"):
            await cache.get("key", kind)

    async def test_they_end(self, cache: Cache) -> None:
        await cache.set("key", 1, "30ms")
        assert await cache.get("key") == 1
        await asyncio.sleep(0.04)
        assert await cache.get("key") is None

    async def test_deleting_and_invalidating(self, cache: Cache) -> None:
        await cache.set("a", 1, "1m", tags=["letters"])
        await cache.set("b", 2, "1m", tags=["letters", "vowels"])
        await cache.set("c", 3, "1m")
        await cache.delete("c", "never")
        await cache.invalidate("vowels")
        assert [await cache.get(key) for key in "abc"] == [1, None, None]
        await cache.invalidate("letters")
        assert await cache.get("a") is None

    async def test_get_or_set_calls_once(self, cache: Cache) -> None:
        calls = []

        async def load() -> Item:
            calls.append(1)
            await asyncio.sleep(0.01)
            return Item(name="a", price=Decimal(1))

        found = await asyncio.gather(*(cache.get_or_set("key", load, "1m", kind=Item) for _ in range(20)))
        assert {item.name for item in found} == {"a"}
        assert calls == [1]

    async def test_what_has_no_json_is_an_error(self, cache: Cache) -> None:
        with pytest.raises(ValueError, match="serialize"):
            await cache.set("key", object(), "1m")


class TestFunctions:
    async def test_arguments_make_the_key_and_results_are_typed(self, app: Velox) -> None:
        calls = []

        @cached("1m")
        async def price(name: str, *, factor: int = 1) -> Item:
            calls.append((name, factor))
            return Item(name=name, price=Decimal(factor))

        first = await price("a", factor=2)
        assert isinstance(first, Item)
        assert await price(name="a", factor=2) == first
        assert await price("a") == await price("a", factor=1)
        assert calls == [("a", 2), ("a", 1)]

    async def test_a_key_and_tags_of_arguments(self, app: Velox, cache: Cache) -> None:
        calls = []

        @cached("1m", key="row:{number}", tags=["rows", "row:{number}"])
        async def row(number: int, session: object) -> int:
            calls.append(number)
            return number * 10

        assert [await row(number, object()) for number in (1, 2, 1)] == [10, 20, 10]
        await cache.invalidate("row:1")
        assert [await row(number, object()) for number in (1, 2)] == [10, 20]
        await cache.delete("row:2")
        await row(2, object())
        assert calls == [1, 2, 1, 2]

    async def test_an_argument_that_has_no_json_has_to_be_left_out(self, app: Velox) -> None:
        @cached("1m")
        async def wrong(session: object) -> int:
            return 1

        @cached("1m", vary=["number"])
        async def right(number: int, session: object) -> int:
            return number

        with pytest.raises(TypeError, match=r"vary=\["):
            await wrong(object())
        assert await right(5, object()) == 5

    async def test_nothing_is_remembered_as_long_as_is_said(self, app: Velox) -> None:
        calls = []

        @cached("1m", negative="20ms", vary=[])
        async def missing(error: bool) -> int | None:
            calls.append(1)
            if error:
                raise NotFound("no such row")
            return None

        for _ in range(2):
            with pytest.raises(NotFound, match="no such row"):
                await missing(error=True)
        assert len(calls) == 1
        await asyncio.sleep(0.03)
        assert await missing(error=False) is None
        assert await missing(error=False) is None
        assert len(calls) == 2

    async def test_a_stale_result_stands_in_for_one_that_fails(self, app: Velox) -> None:
        calls = []

        @cached("20ms", stale="1m")
        async def flaky() -> int:
            calls.append(1)
            if len(calls) > 1:
                raise ValueError("down")
            return 1

        assert await flaky() == 1
        await asyncio.sleep(0.03)
        assert await flaky() == 1

    async def test_without_an_app_it_is_called(self) -> None:
        calls = []

        @cached("1m")
        async def plain() -> int:
            calls.append(1)
            return 1

        async def twice() -> None:
            await plain()
            await plain()

        await asyncio.get_running_loop().create_task(twice(), context=contextvars.Context())
        assert calls == [1, 1]

    def test_only_async_functions(self) -> None:
        with pytest.raises(TypeError, match="is not async"):

            @cached("1m")  # type: ignore[arg-type]
            def plain() -> int:
                return 1


class TestInHandlers:
    async def test_a_handler_asks_for_it_by_type_and_cached_functions_find_it(self, make_app: Make) -> None:
        app, calls = make_app(), []

        @cached("1m")
        async def slow() -> int:
            calls.append(1)
            return len(calls)

        @app.get("/")
        async def read(cache: Cache, db: Session) -> list[int]:
            return [await slow(), await cache.get_or_set("other", slow, "1m")]

        async with TestClient(app) as client:
            assert [(await client.get("/")).json() for _ in range(2)] == [[1, 1], [1, 1]]


class TestInJobs:
    async def test_a_job_asks_for_it_by_type(self, make_app: Make) -> None:
        app = make_app(create_tables=True)

        @task()
        async def forget(name: str, cache: Cache = provided) -> None:
            await cache.invalidate(f"row:{name}")

        app.register_task(forget)
        async with isolated(app), TestClient(app):
            await app.cache.set("key", 1, "1m", tags=["row:a"])
            await forget.enqueue("b")
            await Jobs(app).run_all()
            assert await app.cache.get("key") == 1
            await forget.enqueue("a")
            await Jobs(app).run_all()
            assert await app.cache.get("key") is None


def test_no_pickle_is_reachable() -> None:
    """What is imported for the cache and the limits on Redis never names it."""
    program = (
        "import sys\n"
        "import velox.cache.store, velox.limits.store, velox.redis.client\n"
        "found = [name for name, module in sys.modules.items() if name.startswith('velox.')\n"
        "         and any('pickle' in str(getattr(each, '__name__', '')) for each in vars(module).values())]\n"
        "print(found)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True).stdout == b"[]\n"
