"""One load for all who want a value, nothing out of date, and something stale rather than nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from velox.cache.engine import Engine
from velox.cache.entry import Entry
from velox.cache.generations import Generations
from velox.cache.loading import Loaded, Status, Times
from velox.cache.memory import Held, Memory
from velox.errors import NotFound

MINUTE = Times(60.0)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> Iterator[Engine]:
    generations = Generations()
    yield Engine(Memory(2**20, generations), generations, clock=clock)
    generations.close()


class Loader:
    """Makes ``b"1"``, ``b"2"``, ..."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.ttl_s: float | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Loaded:
        self.calls += 1
        number = self.calls
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Loaded(b"%d" % number, self.ttl_s)


async def value(engine: Engine, load: Any, times: Times = MINUTE, tags: tuple[str, ...] = ()) -> tuple[bytes, Status]:
    found = await engine.find("key", tags, times, load)
    return found.held.entry.payload, found.status


class TestSingleFlight:
    async def test_a_hundred_cold_reads_are_one_load(self, engine: Engine) -> None:
        load = Loader()
        load.gate.clear()
        waiting = asyncio.gather(*(value(engine, load) for _ in range(100)))
        await asyncio.sleep(0)
        load.gate.set()
        assert {payload for payload, _ in await waiting} == {b"1"}
        assert load.calls == 1

    async def test_an_error_is_everybodys_and_the_next_read_tries_again(self, engine: Engine) -> None:
        load = Loader()
        load.gate.clear()
        load.error = ValueError("no")
        waiting = asyncio.gather(*(value(engine, load) for _ in range(10)), return_exceptions=True)
        await asyncio.sleep(0)
        load.gate.set()
        assert {type(each) for each in await waiting} == {ValueError}
        assert load.calls == 1
        load.error = None
        assert await value(engine, load) == (b"2", Status.MISS)

    async def test_when_its_maker_is_cancelled_another_one_makes_it(self, engine: Engine) -> None:
        load = Loader()
        load.gate.clear()
        first = asyncio.create_task(value(engine, load))
        await asyncio.sleep(0)
        others = asyncio.gather(*(value(engine, load) for _ in range(5)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        load.gate.set()
        assert {payload for payload, _ in await others} == {b"2"}
        assert load.calls == 2
        with pytest.raises(asyncio.CancelledError):
            await first

    async def test_what_is_for_its_maker_alone_is_made_for_each_at_once(self, engine: Engine) -> None:
        load = Loader()
        load.ttl_s = 0.0
        load.gate.clear()
        waiting = asyncio.gather(*(value(engine, load) for _ in range(5)))
        for _ in range(5):
            await asyncio.sleep(0)
        load.gate.set()
        assert len({payload for payload, _ in await waiting}) == 5
        assert load.calls == 5
        assert len(engine.memory) == 0


class TestTimes:
    async def test_a_value_is_good_for_its_time_or_a_tenth_less(self, engine: Engine, clock: Clock) -> None:
        ends = set()
        for _ in range(50):
            engine.memory.remove("key")
            found = await engine.find("key", (), MINUTE, Loader())
            ends.add(found.held.entry.fresh_s - clock.now_s)
        assert all(54.0 <= each <= 60.0 for each in ends)
        assert len(ends) > 40

    async def test_after_its_time_it_is_made_anew(self, engine: Engine, clock: Clock) -> None:
        load = Loader()
        assert await value(engine, load) == (b"1", Status.MISS)
        assert await value(engine, load) == (b"1", Status.HIT)
        clock.now_s += 60.1
        assert await value(engine, load) == (b"2", Status.MISS)

    async def test_near_its_end_a_hit_is_chosen_to_make_it_anew(self, engine: Engine, clock: Clock) -> None:
        entry = Entry(b"1", clock.now_s, clock.now_s + 10.0, clock.now_s + 10.0, cost_s=1.0)
        held = Held(entry, (), entry.until_s)
        chosen = []
        for left_s in (9.0, 1.0, 0.1):
            clock.now_s = entry.fresh_s - left_s
            chosen.append(sum(engine.is_due(held) for _ in range(2000)) / 2000)
        assert chosen[0] < 0.01
        assert chosen[1] == pytest.approx(0.37, abs=0.06)
        assert chosen[2] == pytest.approx(0.90, abs=0.06)

    async def test_a_refresh_beside_keeps_nobody_waiting(self, engine: Engine) -> None:
        load = Loader()
        await value(engine, load)
        load.gate.clear()
        engine.refresh("key", (), MINUTE, load)
        await asyncio.sleep(0)
        assert await value(engine, load) == (b"1", Status.HIT)
        load.gate.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert await value(engine, load) == (b"2", Status.HIT)

    async def test_a_refresh_that_is_under_way_ends_with_the_app(self, engine: Engine) -> None:
        load = Loader()
        load.gate.clear()
        engine.refresh("key", (), MINUTE, load)
        await asyncio.sleep(0)
        await engine.close()


class TestStale:
    times = Times(60.0, stale_s=600.0)

    async def test_a_loader_that_fails_leaves_the_old_value_and_is_left_alone_for_a_second(
        self, engine: Engine, clock: Clock
    ) -> None:
        load = Loader()
        await value(engine, load, self.times)
        load.error = ValueError("down")
        clock.now_s += 61.0
        assert await value(engine, load, self.times) == (b"1", Status.STALE)
        assert (await value(engine, load, self.times))[0] == b"1"
        assert load.calls == 2
        clock.now_s += 1.1
        await value(engine, load, self.times)
        assert load.calls == 3
        clock.now_s += 700.0
        with pytest.raises(ValueError, match="down"):
            await value(engine, load, self.times)

    async def test_that_there_is_nothing_is_an_answer_and_no_failure(self, engine: Engine, clock: Clock) -> None:
        load = Loader()
        await value(engine, load, self.times)
        load.error = NotFound("gone")
        clock.now_s += 61.0
        with pytest.raises(NotFound):
            await value(engine, load, self.times)

    async def test_while_it_is_made_anew_others_get_the_old_one_at_once(self, engine: Engine, clock: Clock) -> None:
        load = Loader()
        await value(engine, load, self.times)
        clock.now_s += 61.0
        load.gate.clear()
        first = asyncio.create_task(value(engine, load, self.times))
        await asyncio.sleep(0)
        assert await value(engine, load, self.times) == (b"1", Status.STALE)
        load.gate.set()
        assert await first == (b"2", Status.MISS)


class TestOutOfDate:
    async def test_what_a_tag_was_in_is_made_anew(self, engine: Engine) -> None:
        load = Loader()
        await value(engine, load, tags=("link:1", "links"))
        await engine.invalidate(["other"])
        assert await value(engine, load, tags=("link:1", "links")) == (b"1", Status.HIT)
        await engine.invalidate(["links"])
        assert await value(engine, load, tags=("link:1", "links")) == (b"2", Status.MISS)

    async def test_a_load_that_began_before_an_invalidation_is_never_seen_after_it(self, engine: Engine) -> None:
        """A thousand orders of reads, writes and invalidations: who reads after an invalidation sees what was written
        before it."""
        chance = random.Random(7)
        database, invalidated = 0, 0

        async def pause() -> None:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)

        async def load() -> Loaded:
            await pause()
            row = database
            await pause()
            return Loaded(b"%d" % row)

        async def read() -> None:
            await pause()
            before = invalidated
            payload, _ = await value(engine, load, tags=("row",))
            assert int(payload) >= before

        async def write() -> None:
            nonlocal database, invalidated
            await pause()
            database += 1
            written = database
            await pause()
            await engine.invalidate(["row"])
            invalidated = max(invalidated, written)

        for _ in range(1000):
            await asyncio.gather(*(read() if chance.random() < 0.7 else write() for _ in range(8)))
            assert int((await value(engine, load, tags=("row",)))[0]) == database

    async def test_a_deleted_key_is_not_brought_back_by_a_load_that_has_begun(self, engine: Engine) -> None:
        load = Loader()
        load.gate.clear()
        loading = asyncio.create_task(value(engine, load))
        await asyncio.sleep(0)
        await engine.remove(["key"])
        load.gate.set()
        await loading
        assert engine.near("key") is None
