"""The shared client on real servers: fast when Redis is down, back when it is back, and never a wrong answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.integration.redis_server import PrivateRedis, private_redis, proxy_to
from velox import ConfigurationError, Velox
from velox.redis import Redis, RedisDown, Script, Target
from velox.testing import TestClient


@asynccontextmanager
async def started(url: str, **options: Any) -> AsyncIterator[Redis]:
    client = Redis(url, **options)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def attempt(client: Redis) -> float:
    """Seconds that a command took, done or not."""
    began_s = time.perf_counter()
    try:
        await client.run(ping)
    except RedisDown:
        pass
    return time.perf_counter() - began_s


def ping(server: Any) -> Any:
    return server.ping()


async def until_up(client: Redis, deadline_s: float = 2.0, command: Callable[[Any], Any] = ping) -> None:
    """Until a command succeeds; the deadline is the promise."""
    async with asyncio.timeout(deadline_s):
        while True:
            try:
                await client.run(command)
                return
            except RedisDown:
                await asyncio.sleep(0.01)


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99) - 1]


class TestOutage:
    async def test_a_stopped_server_costs_nearly_nothing_and_one_line_and_is_back_within_two_seconds(
        self, own_redis: PrivateRedis, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with started(own_redis.url) as client:
            await client.run(ping)
            own_redis.stop()
            took_s = [await attempt(client) for _ in range(500)]
            assert p99(took_s) <= 0.060
            with pytest.raises(RedisDown, match="is down"):
                await client.run(ping)
            own_redis.start()
            await until_up(client)
            assert client.outages == 1
        assert [record.message.split(":")[0] for record in caplog.records if record.levelno == logging.WARNING] == [
            "Redis is down",
            caplog.records[-1].message,
        ]
        assert caplog.records[-1].message.startswith("Redis is back after")

    async def test_a_paused_server_delays_few_requests_by_the_timeout(self, own_redis: PrivateRedis) -> None:
        async with started(own_redis.url, timeout_s=0.03) as client:
            await client.run(ping)
            own_redis.command("CLIENT", "PAUSE", "700", "ALL")
            took_s = [await attempt(client) for _ in range(400)]
            assert p99(took_s) <= 0.060
            assert sum(each >= 0.029 for each in took_s) <= 4
            await until_up(client)

    async def test_a_network_that_swallows_is_an_outage_too(self, own_redis: PrivateRedis) -> None:
        async with proxy_to(own_redis.port) as proxy, started(proxy.url, timeout_s=0.03) as client:
            await client.run(ping)
            proxy.is_dead = True
            assert p99([await attempt(client) for _ in range(400)]) <= 0.060
            assert not client.is_up
            proxy.is_dead = False
            proxy.cut()
            await until_up(client)

    async def test_connections_that_were_reset_are_made_anew_without_an_outage(self, own_redis: PrivateRedis) -> None:
        async with proxy_to(own_redis.port) as proxy, started(proxy.url, timeout_s=5.0) as client:
            await asyncio.gather(*(client.run(ping) for _ in range(20)))
            proxy.cut()
            await asyncio.gather(*(client.run(ping) for _ in range(20)))
            assert client.outages == 0

    async def test_one_late_answer_is_no_outage(self, own_redis: PrivateRedis) -> None:
        async with proxy_to(own_redis.port) as proxy, started(proxy.url, timeout_s=0.05) as client:
            await client.run(ping)
            proxy.delay_s = 0.2
            with pytest.raises(RedisDown, match="within 50 ms"):
                await client.run(ping)
            proxy.delay_s = 0.0
            await until_up(client)
            assert client.outages == 0

    async def test_a_process_that_was_held_up_does_not_blame_redis(self, own_redis: PrivateRedis) -> None:
        async with started(own_redis.url, timeout_s=0.02) as client:
            await client.run(ping)
            for _ in range(5):
                waiting = asyncio.create_task(attempt(client))
                await asyncio.sleep(0)
                time.sleep(0.1)  # noqa: ASYNC251 - the fault under test
                await waiting
            assert client.outages == 0

    async def test_a_full_server_that_refuses_writes_is_one_outage_until_it_takes_them_again(
        self, own_redis: PrivateRedis, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with started(own_redis.url) as client:
            own_redis.command("CONFIG", "SET", "maxmemory", "1")
            async with asyncio.timeout(1.5):
                for _ in range(100):
                    with pytest.raises(RedisDown):
                        await client.run(lambda server: server.set("key", b"value"))
                    await asyncio.sleep(0.01)
            assert client.outages == 1
            own_redis.command("CONFIG", "SET", "maxmemory", "0")
            await until_up(client)
        assert len(caplog.records) == 2


class TestAnswers:
    async def test_abandoned_commands_never_leave_their_answer_to_the_next_one(self, own_redis: PrivateRedis) -> None:
        """What is left on a connection belongs to somebody else."""
        async with proxy_to(own_redis.port) as proxy, started(proxy.url, timeout_s=5.0, connections=4) as client:

            async def ask(number: int) -> None:
                word = b"%d" % number
                limit_s = 0.004 if number % 3 else 5.0
                try:
                    got: Any = await client.run(lambda server: server.echo(word), timeout_s=limit_s)
                except RedisDown:
                    return
                assert got == word

            proxy.delay_s = 0.003
            for begin in range(0, 300, 20):
                await asyncio.gather(*(ask(number) for number in range(begin, begin + 20)))

    async def test_a_script_is_sent_once_and_survives_a_server_that_forgot_it(self, redis: Redis) -> None:
        script = Script("return {KEYS[1], ARGV[1] + 1}")
        for _ in range(2):
            got = await redis.run(lambda client: script.run(client, [redis.key("a")], 41))
            assert got == [redis.key("a").encode(), 42]

    async def test_a_mistake_of_ours_is_no_outage(self, redis: Redis) -> None:
        async def wrong(client: Any) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await redis.run(wrong)
        assert redis.is_up

    async def test_a_client_apart_may_wait(self, redis: Redis) -> None:
        client = redis.open_client()
        try:
            async with asyncio.timeout(5):
                assert await client.blpop([redis.key("never")], timeout=0.2) is None
        finally:
            await client.aclose()


class TestReadiness:
    @pytest.mark.parametrize(("required", "status"), [(False, 200), (True, 503)])
    async def test_without_redis_the_app_starts_and_is_ready_unless_redis_is_required(
        self, make_app: Callable[..., Velox], own_redis: PrivateRedis, required: bool, status: int
    ) -> None:
        app = make_app(redis_url=own_redis.url, redis_required=required)
        async with TestClient(app) as client:
            assert (await client.get("/health/ready")).status_code == 200
            own_redis.stop()
            answer = await client.get("/health/ready")
        assert answer.status_code == status
        assert ("Redis does not answer" in answer.text) == required

    async def test_an_app_without_the_setting_has_none(self, make_app: Callable[..., Velox]) -> None:
        assert make_app().redis is None

    async def test_before_the_start_it_is_down(self, own_redis: PrivateRedis) -> None:
        with pytest.raises(RedisDown, match="not started"):
            await Redis(own_redis.url).run(ping)


class TestMany:
    async def test_sentinel_says_where_the_master_is(self, own_redis: PrivateRedis, tmp_path: Any) -> None:
        folder = tmp_path / "sentinel"
        folder.mkdir()
        configuration = folder / "sentinel.conf"
        configuration.write_text(f"sentinel monitor shop 127.0.0.1 {own_redis.port} 1\n")
        with private_redis(folder, str(configuration), "--sentinel") as sentinel:
            async with started(f"redis+sentinel://127.0.0.1:{sentinel.port}/shop/0", timeout_s=5.0) as client:
                assert await client.run(ping)

    async def test_a_cluster_finds_the_node_of_a_key(self, tmp_path: Any, require: Callable[..., None]) -> None:
        with private_redis(tmp_path, "--cluster-enabled", "yes") as node:
            node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            async with started(f"redis+cluster://127.0.0.1:{node.port}", timeout_s=5.0) as client:
                script = Script("return redis.call('incrby', KEYS[1], ARGV[1])")
                await until_up(client, 10.0, lambda server: script.run(server, ["shop:{a}"], 2))
                assert await client.run(lambda server: script.run(server, ["shop:{a}"], 2)) == 4


class TestTarget:
    @pytest.mark.parametrize(
        ("url", "hosts", "options", "service"),
        [
            ("redis://cache", (("cache", 6379),), {"db": 0}, ""),
            (
                "rediss://shop:pa%40ss@cache:1/2",
                (("cache", 1),),
                {"username": "shop", "password": "pa@ss", "db": 2},
                "",
            ),
            ("valkey://[::1]:1", (("::1", 1),), {"db": 0}, ""),
            ("unix:///run/redis.sock?db=3", (), {"path": "/run/redis.sock", "db": 3}, ""),
            ("redis+cluster://a,b:1", (("a", 6379), ("b", 1)), {}, ""),
            ("redis+sentinel://:x@a,b:1/shop/4", (("a", 26379), ("b", 1)), {"password": "x", "db": 4}, "shop"),
        ],
    )
    def test_urls(self, url: str, hosts: Any, options: Any, service: str) -> None:
        target = Target.parse(url)
        assert (target.hosts, target.options, target.service) == (hosts, options, service)

    @pytest.mark.parametrize(
        "url",
        ["http://cache", "redis://", "redis://a,b", "redis://a:port", "redis://a/x", "redis+sentinel://a", "cache"],
    )
    def test_what_is_none_is_refused_without_its_password(self, url: str) -> None:
        url = url.replace("://", "://user:hunter2@")
        with pytest.raises(ConfigurationError, match="VX801") as refusal:
            Redis(url)
        assert "hunter2" not in str(refusal.value)

    def test_a_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ConfigurationError, match=r"velox-framework\[redis\]"):
            Redis("redis://cache")
