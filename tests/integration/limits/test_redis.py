"""Limits on a real Redis: exact across clients, the same as without, and what happens when it is down."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from tests.integration.redis_server import PrivateRedis, proxy_to
from tests.racing import race
from velox import Velox
from velox.limits import Policy, Rate
from velox.limits.algorithms import ALGORITHMS, NEW
from velox.limits.hit import Hit
from velox.limits.limiter import Limiter
from velox.limits.local import LocalStore
from velox.limits.redis import SCRIPT, RedisStore
from velox.limits.table import Table
from velox.redis import Redis, Script
from velox.testing import TestClient

Make = Callable[..., Velox]
LIMITS = """
import asyncio, sys
from velox.limits.hit import Hit
from velox.limits.redis import RedisStore
from velox.redis import Redis
from velox.rules import Rate

async def main(url, prefix, algorithm, rate, count):
    redis = Redis(url, prefix=prefix, timeout_s=10.0)
    await redis.start()
    store = RedisStore(redis, b"secret")
    hit = Hit("route", "a", Rate.parse(rate), algorithm, 1)
    await redis.run(lambda client: client.ping())
    print("ready", flush=True)
    sys.stdin.readline()
    found = await asyncio.gather(*(store.hit([hit]) for _ in range(int(count))))
    print(sum(each[0].allowed for each in found))
    await redis.stop()

asyncio.run(main(*sys.argv[1:]))
"""


class TestExact:
    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    async def test_processes_that_race_pass_exactly_the_limit(
        self, redis: Redis, redis_url: str, algorithm: str
    ) -> None:
        """With GCRA: the burst, and what came back meanwhile, which at 300 a day is nothing."""
        printed = race(LIMITS, redis_url, redis.prefix, algorithm, "300/day", "200")
        assert sum(map(int, printed)) == 300

    @pytest.mark.parametrize("name", sorted(ALGORITHMS))
    async def test_the_script_decides_as_the_algorithms_do(self, redis: Redis, name: str) -> None:
        """The same hits at the same times, with the clock of the script replaced by the test's."""
        source = SCRIPT.source.replace("local time = redis.call('TIME')", "")
        script = Script(source.replace("time[1] + time[2] / 1000000", "tonumber(ARGV[#ARGV])"))
        chance = random.Random(5)
        rate, now_s, state = Rate.parse("20/minute"), 1_700_000_000.0, NEW
        for _ in range(300):
            now_s += round(chance.choice([0.0, 0.5, 3.0, 20.0, 100.0]) * chance.random(), 3)
            cost = chance.choice([0, 1, 1, 1, 3, 8, 25])
            outcome = ALGORITHMS[name](state, now_s, rate, cost)
            state = outcome.state
            arguments = [name, rate.count, rate.period_s, cost, f"{now_s:.6f}"]
            key = [redis.key("differential", name)]
            fits, remaining, wait_ms, reset_ms = (await redis.run(lambda c: script.run(c, key, *arguments)))[0]  # noqa: B023 - awaited at once
            assert (bool(fits), remaining) == (outcome.allowed, outcome.remaining)
            assert wait_ms / 1000 == pytest.approx(outcome.wait_s, abs=0.002)
            assert reset_ms / 1000 == pytest.approx(outcome.reset_s, abs=0.002)

    async def test_what_is_refused_by_one_limit_is_counted_by_none(self, redis: Redis) -> None:
        store = RedisStore(redis, b"secret")
        hits = [
            Hit("app", "a", Rate.parse("100/hour"), "sliding", 1),
            Hit("route", "a", Rate.parse("3/hour"), "fixed", 1),
        ]
        found = [await store.hit(hits) for _ in range(6)]
        assert [each[0].remaining for each in found] == [99, 98, 97, 97, 97, 97]
        assert [each[1].allowed for each in found] == [True] * 3 + [False] * 3

    async def test_limits_of_two_callers_are_asked_apart(self, redis: Redis) -> None:
        store = RedisStore(redis, b"secret")
        hits = [Hit("r", caller, Rate.parse("2/hour"), "gcra", 1) for caller in ("a", "b", "a")]
        assert [each.remaining for each in await store.hit(hits)] == [1, 1, 1]

    async def test_keys_expire_and_tell_nobodys_address(self, redis: Redis) -> None:
        await RedisStore(redis, b"secret").hit([Hit("r", "ip:192.0.2.1", Rate.parse("2/second"), "gcra", 1)])
        (key,) = await redis.run(lambda client: client.keys(f"{redis.prefix}*"))
        assert b"192.0.2.1" not in key
        assert 0 < await redis.run(lambda client: client.pttl(key)) <= 1000


class TestOneRoundTrip:
    async def test_several_limits_are_one_command_and_a_blocked_flood_none(self, redis: Redis) -> None:
        table = Table(1000)
        limiter = Limiter(LocalStore(table, b"s"), RedisStore(redis, b"s"))
        hits = [Hit(scope, "a", Rate.parse("5/hour"), "gcra", 1) for scope in ("app", "route")]
        await limiter.hit(hits, ["local", "local"])
        ran: list[int] = []
        run = redis.run

        async def counted(command: object, **options: object) -> object:
            ran.append(1)
            return await run(command, **options)  # type: ignore[arg-type]

        redis.run = counted  # type: ignore[assignment, method-assign]
        found = [(await limiter.hit(hits, ["local", "local"]))[1] for _ in range(100)]
        redis.run = run  # type: ignore[method-assign]
        assert [each.allowed for each in found if each] == [True] * 4 + [False] * 96
        assert len(ran) == 5
        table.close()


def app_on(make_app: Make, url: str, **policy: object) -> Velox:
    app = make_app(name=f"limited-{random.getrandbits(32):x}", redis_url=url)

    @app.get("/", limit=Policy("5/hour", **policy))  # type: ignore[arg-type]
    async def root() -> int:
        return 1

    return app


GIVE_UP_S = 20.0
"""No promise: what is waited for never came. How long it takes is measured by ``python -m benchmarks.outage``."""


async def until_up(client: TestClient) -> None:
    deadline_s = time.monotonic() + GIVE_UP_S
    while client.app.redis is None or not client.app.redis.is_up:
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.01)


async def statuses_of(client: TestClient, count: int) -> list[int]:
    return [(await client.get("/")).status_code for _ in range(count)]


class TestDown:
    @pytest.mark.parametrize("fault", ["stopped", "paused"])
    @pytest.mark.parametrize(
        ("on_store_failure", "statuses"),
        [("local", [200] * 5 + [429] * 45), ("allow", [200] * 50), ("deny", [503] * 50)],
    )
    async def test_each_policy_does_as_it_says_and_the_breaker_opens(
        self, make_app: Make, own_redis: PrivateRedis, on_store_failure: str, statuses: list[int], fault: str
    ) -> None:
        async with TestClient(app_on(make_app, own_redis.url, on_store_failure=on_store_failure)) as client:
            redis = client.app.redis
            assert redis is not None
            assert await statuses_of(client, 2) == [200, 200]
            if fault == "paused":
                own_redis.command("CLIENT", "PAUSE", "60000", "ALL")
            else:
                own_redis.stop()
            assert await statuses_of(client, 50) == statuses
            assert (redis.is_up, redis.outages) == (False, 1)
            own_redis.stop()  # a pause ends with it
            own_redis.start()
            await until_up(client)
            assert (await client.get("/")).status_code == 200
            assert await redis.run(lambda server: server.dbsize()) == 1

    async def test_a_refusal_without_store_is_a_problem_with_a_time(
        self, make_app: Make, own_redis: PrivateRedis
    ) -> None:
        async with TestClient(app_on(make_app, own_redis.url, on_store_failure="deny")) as client:
            own_redis.stop()
            answer = await client.get("/")
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("#temporary-reduced-capacity")
        assert answer.headers["retry-after"] == "1"

    async def test_a_paused_server_keeps_three_requests_waiting_and_no_more(
        self, make_app: Make, own_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with TestClient(app_on(make_app, own_redis.url)) as client:
            redis = client.app.redis
            assert redis is not None
            await statuses_of(client, 1)
            late: list[float] = []
            note_late = redis._note_late

            def noted(limit_s: float) -> None:
                late.append(limit_s)
                note_late(limit_s)

            monkeypatch.setattr(redis, "_note_late", noted)
            own_redis.command("CLIENT", "PAUSE", "60000", "ALL")
            assert await statuses_of(client, 50) == [200] * 5 + [429] * 45
            assert late == [redis.timeout_s] * 3

    async def test_answers_that_are_cut_in_the_middle_are_no_errors_to_clients(
        self, make_app: Make, own_redis: PrivateRedis
    ) -> None:
        async with proxy_to(own_redis.port) as proxy, TestClient(app_on(make_app, proxy.url)) as client:
            for _ in range(20):
                proxy.delay_s = 0.002
                waiting = asyncio.gather(*(client.get("/") for _ in range(10)))
                await asyncio.sleep(0.001)
                proxy.cut()
                assert {answer.status_code for answer in await waiting} <= {200, 429}
