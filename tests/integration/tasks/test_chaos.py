"""Real workers, killed, stopped and restarted; ``python -m benchmarks.chaos.jobs`` does the same at length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.chaos.jobs import scenarios
from benchmarks.chaos.jobs.post import QUEUES, is_there
from benchmarks.chaos.jobs.server import has_redis_server
from tests.integration.tasks.conftest import Require


def test_killed_workers_lose_nothing_and_repeat_no_effect(tmp_path: Path, queue: str) -> None:
    """Q1."""
    assert scenarios.killed(tmp_path, queue, jobs=200, kills=1)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_same_on_a_database_server(
    tmp_path: Path, kind: str, require: Require, server_databases: Callable[[str], str | None]
) -> None:
    """Q1."""
    url = server_databases(kind)
    require(url, f"no {kind}")
    assert scenarios.killed(tmp_path, "database", jobs=200, kills=1, database_url=url)


def test_a_quiet_queue_recovers_without_new_traffic(tmp_path: Path, queue: str) -> None:
    """Q2."""
    assert scenarios.quiet(tmp_path, queue)


def test_a_job_longer_than_three_leases_runs_once(tmp_path: Path, queue: str) -> None:
    """Q3."""
    assert scenarios.long_job(tmp_path, queue)


def test_a_job_that_kills_its_workers_dies_alone(tmp_path: Path, queue: str) -> None:
    """Q4."""
    assert scenarios.poisoned(tmp_path, queue)


def test_what_is_no_job_becomes_a_dead_letter(tmp_path: Path, queue: str) -> None:
    """Q9."""
    assert scenarios.garbage(tmp_path, queue)


def test_a_stopped_worker_loses_nothing(tmp_path: Path, queue: str) -> None:
    """Q10."""
    assert scenarios.stopped(tmp_path, queue, jobs=150)


def test_two_schedulers_and_a_restart_fire_each_tick_once(tmp_path: Path) -> None:
    """Q8."""
    assert scenarios.scheduled(tmp_path)


def test_what_was_committed_is_sent_though_the_process_was_killed(tmp_path: Path, queue: str) -> None:
    """Q6."""
    assert scenarios.outbox(tmp_path, queue)


def test_a_server_that_is_killed_and_comes_back_loses_nothing(tmp_path: Path, require: Require) -> None:
    """Q5, with a Redis of our own."""
    require(has_redis_server(), "no redis-server to start")
    assert scenarios.restarted(tmp_path)


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_connections_that_are_cut_lose_nothing(tmp_path: Path, broker: str, require: Require) -> None:
    """Q5."""
    require(is_there(broker), f"no {broker} at {QUEUES[broker]}")
    assert scenarios.cut(tmp_path, broker)
