"""The cache on a real Redis: one load for all machines, nothing out of date, and no error when it is down."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.redis_server import PrivateRedis, proxy_to
from tests.racing import race
from velox import Velox
from velox.cache.engine import Engine
from velox.cache.generations import Generations
from velox.cache.loading import Loaded, Status, Times
from velox.cache.memory import Memory
from velox.cache.redis import SharedStore
from velox.cache.store import CacheStore
from velox.redis import Redis, RedisDown
from velox.testing import TestClient

Make = Callable[..., Velox]
MINUTE = Times(60.0)
GIVE_UP_S = 20.0
"""No promise: what is waited for never came. How long it takes is measured by ``python -m benchmarks.outage``."""


@pytest.fixture
async def machines(redis: Redis) -> AsyncIterator[list[Engine]]:
    """Two machines' engines, each with memory of its own."""
    made = []
    for number in range(2):
        generations = Generations()
        made.append(
            (Engine(Memory(2**20, generations), generations, SharedStore(redis), machine=f"{number}"), generations)
        )
    yield [engine for engine, _ in made]
    for _, generations in made:
        generations.close()


async def value(engine: Engine, load: Any, tags: tuple[str, ...] = ()) -> tuple[bytes, Status]:
    found = await engine.find("key", tags, MINUTE, load)
    return found.held.entry.payload, found.status


def counting() -> Any:
    calls: list[int] = []

    async def load() -> Loaded:
        calls.append(1)
        await asyncio.sleep(0.05)
        return Loaded(b"%d" % len(calls))

    load.calls = calls  # type: ignore[attr-defined]
    return load


class TestTogether:
    async def test_a_value_is_made_once_for_all_machines(self, machines: list[Engine]) -> None:
        load = counting()
        found = await asyncio.gather(*(value(engine, load) for engine in machines for _ in range(50)))
        assert {payload for payload, _ in found} == {b"1"}
        assert len(load.calls) == 1

    async def test_processes_that_race_load_once(self, redis: Redis, redis_url: str) -> None:
        program = """
import asyncio, sys, time
from velox.cache.engine import Engine
from velox.cache.generations import Generations
from velox.cache.loading import Loaded, Times
from velox.cache.memory import Memory
from velox.cache.redis import SharedStore
from velox.redis import Redis, RedisDown

async def main(url, prefix):
    redis = Redis(url, prefix=prefix, timeout_s=10.0)
    await redis.start()
    await redis.run(lambda client: client.ping())
    generations = Generations()
    engine = Engine(Memory(2**20, generations), generations, SharedStore(redis))
    calls = []
    async def load():
        calls.append(1)
        await asyncio.sleep(0.2)
        return Loaded(b"value")
    print("ready", flush=True)
    sys.stdin.readline()
    began_s = time.process_time()
    await asyncio.gather(*(engine.find("key", (), Times(60.0), load) for _ in range(500)))
    print(len(calls), time.process_time() - began_s, flush=True)
    await redis.stop()

asyncio.run(main(*sys.argv[1:]))
"""
        found = [printed.split() for printed in race(program, redis_url, redis.prefix)]
        assert sum(int(calls) for calls, _ in found) == 1
        # 200 ms of waiting without a busy loop.
        assert max(float(cpu_s) for _, cpu_s in found) < 0.15

    async def test_who_dies_while_loading_is_replaced_when_the_lease_ends(
        self, machines: list[Engine], redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("velox.cache.engine.LEASE_S", 0.2)
        assert await SharedStore(redis).acquire("key", b"of somebody dead", 0.2)
        assert (await value(machines[0], counting()))[0] == b"1"

    async def test_who_asks_twice_for_the_lease_does_not_wait_for_itself(self, redis: Redis) -> None:
        """The client sends a command again when its connection broke before the answer."""
        store = SharedStore(redis)
        assert [await store.acquire("key", token, 30.0) for token in (b"a", b"a", b"b")] == [True, True, False]

    async def test_a_lease_whose_answer_was_lost_keeps_nobody_waiting(
        self, machines: list[Engine], redis: Redis
    ) -> None:
        here, there = machines
        acquire = SharedStore.acquire

        async def lost(key: str, token: bytes, lease_s: float) -> bool:
            del here._shared.acquire  # type: ignore[union-attr]
            assert await acquire(SharedStore(redis), key, token, lease_s)
            raise RedisDown("no answer")

        here._shared.acquire = lost  # type: ignore[union-attr, method-assign]
        assert await value(here, counting()) == (b"1", Status.MISS)
        await here.find("another", (), MINUTE, counting())
        assert await SharedStore(redis).acquire("key", b"another's", 30.0)
        assert there.near("key") is None


class TestOutOfDate:
    async def test_an_invalidation_reaches_the_other_machine(self, redis_url: str) -> None:
        prefix = f"velox-test-{uuid4().hex}"
        async with started(redis_url, prefix) as here, started(redis_url, prefix) as there:
            load = counting()
            assert await value(here, load, ("row",)) == (b"1", Status.MISS)
            assert await value(there, load, ("row",)) == (b"1", Status.HIT)
            await here.invalidate(["row"])
            deadline_s = time.monotonic() + GIVE_UP_S
            while there.near("key") is not None:
                assert time.monotonic() < deadline_s
                await asyncio.sleep(0.005)
            assert (await value(there, load, ("row",)))[0] == b"2"

    async def test_a_load_that_began_before_an_invalidation_is_never_seen_after_it(
        self, machines: list[Engine]
    ) -> None:
        """What is near may be some seconds old on another machine, so each reads Redis here."""
        chance, database, invalidated = random.Random(11), 0, 0

        async def load() -> Loaded:
            row = database
            await asyncio.sleep(chance.random() / 1000)
            return Loaded(b"%d" % row)

        async def read() -> None:
            await asyncio.sleep(chance.random() / 1000)
            engine, before = chance.choice(machines), invalidated
            engine.memory.remove("key")
            engine._flights.clear()
            assert int((await value(engine, load, ("row",)))[0]) >= before

        async def write() -> None:
            nonlocal database, invalidated
            await asyncio.sleep(chance.random() / 1000)
            database += 1
            written = database
            await chance.choice(machines).invalidate(["row"])
            invalidated = max(invalidated, written)

        for _ in range(60):
            await asyncio.gather(*(read() if chance.random() < 0.7 else write() for _ in range(8)))

    async def test_a_generation_that_was_lost_makes_its_values_out_of_date(
        self, machines: list[Engine], redis: Redis
    ) -> None:
        load = counting()
        await value(machines[0], load, ("row",))
        keys = await redis.run(lambda client: client.keys(f"{redis.prefix}:cache:*:generation"))
        await redis.run(lambda client: client.delete(*keys))
        assert (await value(machines[1], load, ("row",)))[0] == b"2"

    async def test_a_deleted_key_is_not_brought_back_by_a_load_that_has_begun(self, machines: list[Engine]) -> None:
        load = counting()
        loading = asyncio.create_task(value(machines[0], load))
        await asyncio.sleep(0.02)
        await machines[1].remove(["key"])
        await loading
        assert (await value(machines[1], load))[0] == b"2"


@asynccontextmanager
async def started(url: str, prefix: str) -> AsyncIterator[Engine]:
    redis = Redis(url, prefix=prefix, timeout_s=5.0)
    store = CacheStore(memory_bytes=2**20, redis=redis)
    await redis.start()
    await store.start()
    try:
        await redis.run(lambda client: subscribers(client, f"{prefix}:cache"))
        yield store.engine()
    finally:
        await store.stop()
        await redis.stop()


async def subscribers(client: Any, channel: str) -> None:
    deadline_s = time.monotonic() + GIVE_UP_S
    while not (await client.pubsub_numsub(channel))[0][1]:
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.005)


async def until_up(redis: Redis) -> None:
    deadline_s = time.monotonic() + GIVE_UP_S
    while not redis.is_up:
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.01)


async def answers_of(client: TestClient, count: int) -> list[tuple[int, str]]:
    answers = [await client.get(f"/{number}") for number in range(count)]
    return [(answer.status_code, answer.json()) for answer in answers]


class TestDown:
    async def test_clients_see_no_error_and_it_is_used_again_when_it_is_back(
        self, make_app: Make, own_redis: PrivateRedis
    ) -> None:
        app = make_app(name=f"cached-{uuid4().hex}", redis_url=own_redis.url)

        @app.get("/<name>", cache="30s")
        async def read(name: str) -> str:
            return name

        async with TestClient(app) as client:
            await client.get("/before")
            assert app.redis is not None
            own_redis.stop()
            assert await answers_of(client, 300) == [(200, f"{number}") for number in range(300)]
            assert (app.redis.is_up, app.redis.outages) == (False, 1)
            own_redis.start()
            await until_up(app.redis)
            await client.get("/after")
            assert await app.redis.run(lambda server: server.dbsize()) == 1

    async def test_while_it_is_paused_three_commands_wait_for_it_and_no_more(
        self, make_app: Make, own_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The breaker opens, and every value is made without Redis."""
        app = make_app(name=f"cached-{uuid4().hex}", redis_url=own_redis.url)

        @app.get("/<name>", cache="30s")
        async def read(name: str) -> str:
            return name

        async with TestClient(app) as client:
            await client.get("/before")
            assert app.redis is not None
            late: list[float] = []
            note_late = app.redis._note_late

            def noted(limit_s: float) -> None:
                late.append(limit_s)
                note_late(limit_s)

            monkeypatch.setattr(app.redis, "_note_late", noted)
            own_redis.command("CLIENT", "PAUSE", "60000", "ALL")
            assert await answers_of(client, 100) == [(200, f"{number}") for number in range(100)]
            assert late == [app.redis.timeout_s] * 3
            assert (app.redis.is_up, app.redis.outages) == (False, 1)
            own_redis.stop()  # the pause ends with it
            own_redis.start()
            await until_up(app.redis)
            await client.get("/after")
            assert await app.redis.run(lambda server: server.dbsize()) == 1

    async def test_an_invalidation_while_it_is_down_is_sent_when_it_is_back(self, own_redis: PrivateRedis) -> None:
        async with proxy_to(own_redis.port) as proxy, started_through(proxy.url) as (engine, redis):
            load = counting()
            await value(engine, load, ("row",))
            proxy.is_dead = True
            for _ in range(4):
                await engine.invalidate(["row"])
            assert not redis.is_up
            proxy.is_dead = False
            proxy.cut()
            await until_up(redis)
            generations = Generations()
            other = Engine(Memory(2**20, generations), generations, SharedStore(redis), machine="other")
            assert (await value(engine, load, ("row",)))[0] == b"2"
            assert (await value(other, load, ("row",)))[0] == b"2"
            generations.close()

    async def test_answers_that_are_cut_in_the_middle_are_no_errors_to_clients(
        self, make_app: Make, own_redis: PrivateRedis
    ) -> None:
        async with proxy_to(own_redis.port) as proxy:
            app = make_app(name=f"cached-{uuid4().hex}", redis_url=proxy.url)

            @app.get("/<name>", cache="30s")
            async def read(name: str) -> str:
                return name

            async with TestClient(app) as client:
                proxy.delay_s = 0.002
                for number in range(20):
                    waiting = asyncio.gather(*(client.get(f"/{number}-{each}") for each in range(10)))
                    await asyncio.sleep(0.003)
                    proxy.cut()
                    assert {answer.status_code for answer in await waiting} == {200}


@asynccontextmanager
async def started_through(url: str) -> AsyncIterator[tuple[Engine, Redis]]:
    redis = Redis(url, prefix="velox-test", timeout_s=0.05)
    generations = Generations()
    await redis.start()
    try:
        yield Engine(Memory(2**20, generations), generations, SharedStore(redis), machine="one"), redis
    finally:
        await redis.stop()
        generations.close()
