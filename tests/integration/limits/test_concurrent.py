"""``limit="10 concurrent"``: how many requests are answered at once, and that each gives its place back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import http_sf
import pytest

from tests.integration.redis_server import PrivateRedis
from velox import ConfigurationError, JsonLines, Velox
from velox.limits import LimitOption, Policy, Rate
from velox.limits.attendance import Attendance
from velox.limits.hit import Hit
from velox.limits.leases import Leases
from velox.redis import Redis
from velox.testing import TestClient

Make = Callable[..., Velox]
HIT = Hit("route", "ada", Rate.parse("2 concurrent"), "gcra", 1)


class Door:
    """A handler that stays until it is let go."""

    def __init__(self, app: Velox, limit: LimitOption) -> None:
        self._entered: asyncio.Queue[None] = asyncio.Queue()
        self.go_on = asyncio.Event()

        @app.get("/", limit=limit)
        async def stay() -> str:
            self._entered.put_nowait(None)
            await self.go_on.wait()
            return "done"

    async def fill(self, client: TestClient, count: int) -> list[asyncio.Task[object]]:
        """``count`` requests that are in."""
        tasks: list[asyncio.Task[object]] = [asyncio.create_task(client.get("/")) for _ in range(count)]
        for _ in range(count):
            await self._entered.get()
        return tasks


async def test_one_too_many_is_refused_until_another_has_ended(make_app: Make) -> None:
    """429 with ``Retry-After``, the policy's name and the draft's unit."""
    app = make_app()
    door = Door(app, ["100/minute", "2 concurrent"])
    async with TestClient(app) as client:
        inside = await door.fill(client, 2)
        refused = await client.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["violated-policies"] == ["stay-concurrent"]
        policies: Any = http_sf.parse(refused.headers["ratelimit-policy"].encode(), tltype="list")
        assert dict(policies[1][1]) == {"q": 2, "qu": "concurrent-requests"}
        door.go_on.set()
        await asyncio.gather(*inside)
        answer = await client.get("/")
        assert answer.status_code == 200
        current: Any = http_sf.parse(answer.headers["ratelimit"].encode(), tltype="list")
        assert dict(current[1][1]) == {"r": 1}


async def test_every_way_out_gives_the_place_back(make_app: Make) -> None:
    """A crash, a cancelled request, the end of a stream."""
    app = make_app(env="prod")
    started = asyncio.Event()

    @app.get("/crash", limit="1 concurrent")
    async def crash() -> None:
        raise ValueError("a bug")

    @app.get("/hang", limit="1 concurrent")
    async def hang(once: bool = True) -> None:
        if once:
            started.set()
            await asyncio.Event().wait()

    @app.get("/stream", limit="1 concurrent")
    async def stream() -> JsonLines[int]:
        yield 1

    async with TestClient(app) as client:
        assert [(await client.get("/crash")).status_code for _ in range(2)] == [500, 500]
        assert [(await client.get("/stream")).status_code for _ in range(2)] == [200, 200]
        gone = asyncio.create_task(client.get("/hang"))
        await started.wait()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert (await client.get("/hang", params={"once": "0"})).status_code == 204


async def test_a_stream_is_in_until_its_end(make_app: Make) -> None:
    """Its head has been sent long before."""
    app = make_app()
    started, go_on = asyncio.Event(), asyncio.Event()

    @app.get("/stream", limit="1 concurrent")
    async def stream() -> JsonLines[int]:
        yield 1
        started.set()
        await go_on.wait()

    async with TestClient(app) as client:
        first = asyncio.create_task(client.get("/stream"))
        await started.wait()
        assert (await client.get("/stream")).status_code == 429
        go_on.set()
        assert (await first).status_code == 200
        assert (await client.get("/stream")).status_code == 200


async def test_who_is_refused_by_one_limit_holds_no_place_of_another(make_app: Make) -> None:
    """The blueprint's would be full for ever."""
    app = make_app()
    door = Door(app, [Policy("5 concurrent", name="wide"), Policy("1 concurrent", name="narrow")])

    @app.get("/wide", limit=Policy("5 concurrent", name="wide"))
    async def wide() -> int:
        return 1

    async with TestClient(app) as client:
        inside = await door.fill(client, 1)
        assert [(await client.get("/")).status_code for _ in range(6)] == [429] * 6
        assert (await client.get("/wide")).status_code == 200
        door.go_on.set()
        await asyncio.gather(*inside)


def test_a_cost_makes_no_sense(make_app: Make) -> None:
    """A request is one at a time."""
    with pytest.raises(ValueError, match="one at a time"):
        Policy("2 concurrent", cost=3)
    app = make_app()
    Door(app, "0 concurrent")
    with pytest.raises(ConfigurationError, match="VX211"):
        app.compile()


@pytest.fixture
async def open_leases() -> AsyncIterator[Callable[..., Leases]]:
    """Workers, each with leases of its own."""
    opened: list[Leases] = []

    def open_(redis: Redis, lease_s: float = 30.0) -> Leases:
        opened.append(Leases(Attendance(100), redis, b"secret", lease_s))
        return opened[-1]

    yield open_
    for each in opened:
        await each.close()


class TestOnRedis:
    async def test_machines_count_together(self, redis: Redis, open_leases: Callable[..., Leases]) -> None:
        """And give back."""
        one, two = open_leases(redis), open_leases(redis)
        taken = [await each.take(HIT, "local") for each in (one, two, one)]
        assert [decision.allowed for decision, _ in taken if decision] == [True, True, False]
        lease = taken[1][1]
        assert lease is not None
        await two.give_back([lease])
        assert (await one.take(HIT, "local"))[1] is not None

    async def test_a_lease_ends_with_its_worker_and_not_before(
        self, redis: Redis, open_leases: Callable[..., Leases]
    ) -> None:
        """A worker that lives moves its end; one that is dead (closed, here) does not."""
        living, dead = open_leases(redis, 0.3), open_leases(redis, 0.3)
        await living.take(HIT, "local")
        await dead.take(HIT, "local")
        await dead.close()
        async with asyncio.timeout(10):
            # Redis tells nobody when the time of one is over.
            while (taken := await living.take(HIT, "local"))[1] is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        # The dead one's is free by now, so its time is over, and the living one's first is still there.
        assert (await living.take(HIT, "local"))[1] is None
        assert taken[1] is not None

    async def test_while_redis_is_down_each_policy_does_as_it_says(
        self, own_redis: PrivateRedis, make_app: Make
    ) -> None:
        """Local counts go on; ``allow`` lets pass; ``deny`` does not."""
        app = make_app(redis_url=own_redis.url)
        door = Door(app, "1 concurrent")

        @app.get("/allow", limit=Policy("1 concurrent", on_store_failure="allow"))
        async def allow() -> int:
            return 1

        @app.get("/deny", limit=Policy("1 concurrent", on_store_failure="deny"))
        async def deny() -> int:
            return 1

        async with TestClient(app) as client:
            own_redis.stop()
            inside = await door.fill(client, 1)
            assert (await client.get("/")).status_code == 429
            assert (await client.get("/allow")).status_code == 200
            assert (await client.get("/deny")).status_code == 503
            door.go_on.set()
            await asyncio.gather(*inside)
