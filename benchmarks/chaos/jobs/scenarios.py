"""What happens to workers, and what has to be true afterwards. Each raises when it is not."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

from benchmarks.chaos.jobs.post import LEASE_S, QUEUES, Post
from benchmarks.chaos.jobs.proxy import Wire
from benchmarks.chaos.jobs.server import OwnRedis, answers

__all__ = ["cut", "garbage", "killed", "long_job", "outbox", "poisoned", "quiet", "restarted", "scheduled", "stopped"]

PAUSE_S = 5.0
"""How much longer than a lease recovery may take."""


def killed(folder: Path, queue: str, jobs: int, kills: int, database_url: str | None = None) -> str:
    """Q1: the workers are killed again and again mid-work: nothing is lost, each effect happens once."""
    with Post(folder, queue, database_url=database_url, VELOX_JOB_MAX_DELIVERIES="20") as post:
        post.enqueue("effect", ((n,) for n in range(jobs)))
        for _ in range(kills):
            post.work(2)
            wanted = post.count("effect") + jobs // (kills + 2)
            post.until(lambda wanted=wanted: post.count("effect") >= wanted)  # type: ignore[misc]
            post.kill()
        post.work(2)
        took_s = post.until(lambda: len(post.effects()) == jobs, 60 + jobs / 50)
        twice = [n for n, times in post.effects().items() if times > 1]
        assert twice == [], f"effects that happened twice: {twice[:10]}"
        assert post.dead() == []
        ran = sum(times for line, times in post.noted().items() if line.startswith("effect"))
        return f"{jobs} jobs, {kills} kills: 0 lost, {jobs} effects, {ran - jobs} ran twice, rest took {took_s:.1f} s"


def quiet(folder: Path, queue: str) -> str:
    """Q2: killed with jobs in flight and started again, with no new traffic: all are done within a lease and a bit."""
    with Post(folder, queue) as post:
        post.enqueue("slow", ((n, 1.0) for n in range(8)))
        post.work()
        post.until(lambda: post.count("slow") == 8)
        post.kill()
        post.work()
        post.until(lambda: "working" in post.output.read_text())
        took_s = post.until(lambda: post.count("done") == 8, LEASE_S + 1.0 + PAUSE_S)
        return f"8 jobs in flight: done {took_s:.1f} s after the restart (lease {LEASE_S:g} s)"


def long_job(folder: Path, queue: str) -> str:
    """Q3: a job that takes longer than three leases runs once, though another worker is free."""
    with Post(folder, queue) as post:
        post.enqueue("slow", [(0, 3.5 * LEASE_S)])
        post.work(2)
        post.until(lambda: post.count("done") == 1)
        times = post.noted()["slow 0"]
        assert times == 1, f"it ran {times} times"
        return f"{3.5 * LEASE_S:g} s with a lease of {LEASE_S:g} s and two workers: ran once"


def poisoned(folder: Path, queue: str, limit: int = 4) -> str:
    """Q4: a job that kills its worker is dead after the limit, and others are done.

    Each death counts for whatever else was running, so a low limit could take bystanders along.
    """
    with Post(folder, queue, VELOX_JOB_MAX_DELIVERIES=str(limit)) as post:
        post.enqueue("poison", [()])
        post.enqueue("effect", ((n,) for n in range(20)))
        for _ in range(limit + 3):
            post.work()
            (worker,) = post.workers
            post.until(lambda worker=worker: worker.poll() is not None or post.dead())  # type: ignore[misc]
            if post.dead():
                break
            post.kill()
        post.until(lambda: len(post.effects()) == 20)
        ((task, error),) = post.dead()
        assert (task, "died" in error) == ("poison", True), error
        assert post.noted()["poison"] == limit
        return f"dead after {limit} workers; 20 of 20 others done"


def stopped(folder: Path, queue: str, jobs: int = 300) -> str:
    """Q10: SIGTERM while jobs run and wait: the worker ends with 0, what it ran is finished or handed back."""
    with Post(folder, queue, VELOX_GRACE_S="1") as post:
        post.enqueue("effect", ((n,) for n in range(jobs)))
        post.enqueue("slow", [(0, 3.0)])
        post.work()
        (worker,) = post.workers
        post.until(lambda: post.count("effect") > jobs // 5)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
        left = jobs - len(post.effects())
        post.work()
        began_s = time.monotonic()
        post.until(lambda: len(post.effects()) == jobs)
        assert post.dead() == []
        assert sum(post.effects().values()) == jobs
        return f"{left} of {jobs} were left and done by the next worker, in {time.monotonic() - began_s:.1f} s"


def cut(folder: Path, queue: str, jobs: int = 200) -> str:
    """Q5: all connections to the broker are cut mid-run, and for a second it cannot be reached: nothing is lost."""
    with (
        Wire(QUEUES[queue], {"redis": 6379, "rabbitmq": 5672}[queue]) as wire,
        Post(folder, queue, url=wire.url) as post,
    ):
        post.enqueue("effect", ((n,) for n in range(jobs)))
        post.work()
        post.until(lambda: post.count("effect") > jobs // 4)
        wire.is_up = False
        wire.cut()
        time.sleep(1)
        wire.is_up = True
        took_s = post.until(lambda: len(post.effects()) == jobs)
        assert sum(post.effects().values()) == jobs
        assert post.dead() == []
        (worker,) = post.workers
        assert worker.poll() is None
        return f"{jobs} of {jobs} done, {took_s:.1f} s after the connections were cut, by the same worker"


def restarted(folder: Path, jobs: int = 200) -> str:
    """Q5: Redis (which writes each command to its file) is killed and started again mid-run: nothing is lost."""
    with OwnRedis(folder / "redis") as server, Post(folder, "redis", url=server.url) as post:
        post.enqueue("effect", ((n,) for n in range(jobs)))
        post.work()
        post.until(lambda: post.count("effect") > jobs // 4)
        server.kill()
        server.start()
        took_s = post.until(lambda: len(post.effects()) == jobs)
        assert sum(post.effects().values()) == jobs
        return f"{jobs} of {jobs} done, {took_s:.1f} s after the restart"


def outbox(folder: Path, queue: str) -> str:
    """Q6: what was rolled back never runs; what was committed runs, though the process was killed before sending."""
    with Post(folder, queue, VELOX_RUN_JOBS="false") as post:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        post.start("run", "--port", str(port), "--workers", "1")
        post.until(lambda: answers(port, "/effects/1") == 200)
        assert answers(port, "/effects/2?fail=true") == 500
        post.kill()
        post.work()
        post.until(lambda: len(post.effects()) == 1)
        assert dict(post.effects()) == {1: 1}
        assert post.ask("SELECT n FROM effect WHERE n < 0") == [(-1,)]
        assert post.noted()["effect 2"] == 0
        return "the committed job ran, the other one never was"


def scheduled(folder: Path, seconds: float = 4.0) -> str:
    """Q8: two schedulers, of which one is killed and started again, fire each tick once."""
    with Post(folder, "database", CHAOS_TICKS="1") as post:
        post.work()
        post.start("scheduler")
        began_s = int(time.time())
        other = post.start("scheduler")
        post.until(lambda: post.count("tick"))
        other.kill()
        post.start("scheduler")
        wanted = post.noted()["tick"] + seconds
        post.until(lambda: post.noted()["tick"] >= wanted)
        ticks, possible = post.noted()["tick"], int(time.time()) - began_s + 1
        assert ticks <= possible, f"{ticks} in {possible} s"
        return f"{ticks} ticks in {possible} s"


def garbage(folder: Path, queue: str) -> str:
    """Q9: bytes that are no job become a dead letter, and the next job is done."""
    with Post(folder, queue) as post:
        post.enqueue("effect", [(1,)])
        put_garbage(post)
        post.enqueue("effect", [(2,)])
        post.work()
        post.until(lambda: len(post.effects()) == 2 and len(post.dead()) == 1)
        return f"dead: {post.dead()[0][1]}"


def put_garbage(post: Post) -> None:
    import asyncio

    async def put() -> None:
        if post.queue == "redis":
            from redis.asyncio import Redis

            async with Redis.from_url(post.url) as client:
                await client.xadd(f"velox:{{{post.name}}}:default", {"job": b"\x80garbage"})
        elif post.queue == "rabbitmq":
            import aio_pika

            async with await aio_pika.connect(post.url) as connection:
                channel = await connection.channel()
                await channel.default_exchange.publish(aio_pika.Message(b"\x80garbage"), f"velox.{post.name}.default")

    if post.queue == "database":
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(post.folder / "chaos.db", isolation_level=None)) as connection:
            connection.execute(
                "INSERT INTO velox_job (id, task, queue, state, rank, payload, failures, deliveries, created_at) "
                "VALUES ('garbage', 'effect', 'default', 'queued', 0, x'80ff', 0, 0, 0)"
            )
    else:
        asyncio.run(put())
