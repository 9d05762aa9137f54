"""Servers that the tests of several rooms need."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.integration.redis_server import PrivateRedis, answers, private_redis
from velox.redis import Redis


@pytest.fixture
def redis_url(require: Callable[[object, str], None]) -> str:
    """The machine's Redis: ``VELOX_TEST_REDIS_URL``, or the usual port. Keys begin with a prefix of the test's own."""
    url = os.environ.get("VELOX_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
    parts = urlsplit(url)
    require(answers(parts.port or 6379, parts.hostname or "127.0.0.1"), f"Redis at {url}")
    return url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client with a random prefix, whose keys are removed."""
    client = Redis(redis_url, prefix=f"velox-test-{uuid4().hex}", timeout_s=5.0)
    await client.start()
    try:
        yield client
    finally:
        await client.run(lambda server: remove(server, client.prefix))
        await client.stop()


async def remove(server: object, prefix: str) -> None:
    keys = [key async for key in server.scan_iter(match=f"{prefix}*", count=1000)]  # type: ignore[attr-defined]
    if keys:
        await server.delete(*keys)  # type: ignore[attr-defined]


@pytest.fixture
def own_redis(require: Callable[[object, str], None], tmp_path: Path) -> Iterator[PrivateRedis]:
    """A server that the test may stop and pause."""
    require(shutil.which("redis-server") or shutil.which("valkey-server"), "the program redis-server")
    with private_redis(tmp_path) as server:
        yield server
