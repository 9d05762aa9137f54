"""What every test may use."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from velox import Velox

SECRET_KEY = "x0Vt7bJq2mZr9LwKc4Hs8PdYfG1nUeAa"  # random enough for production


@pytest.fixture
def require() -> Callable[[object, str], None]:
    """``require(condition, reason)``: skip when the machine lacks something, but fail where ``CI=true``.

    A gate that skips what it cannot check is green for the wrong reason.
    """

    def check(condition: object, reason: str) -> None:
        if condition:
            return
        if os.environ.get("CI") == "true":
            pytest.fail(f"needed in CI: {reason}")
        pytest.skip(reason)

    return check


SERVERS = {
    "postgresql": os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
    "mariadb": os.environ.get("TEST_MARIADB_URL", "mariadb://root@127.0.0.1:3306/test"),
}
"""Servers on which the user may make databases."""


@pytest.fixture(scope="session")
def server_databases() -> Iterator[Callable[..., str | None]]:
    """``server_databases("mariadb")``: the URL of an empty database that is dropped at the end of the run.

    Each process of a parallel run has its own; ``server_databases("postgresql", "s0")`` is another one. ``None`` when
    the server is not there.
    """
    made: dict[tuple[str, str], str] = {}

    def url_of(kind: str, which: str = "") -> str | None:
        name = f"velox_test_{secrets.token_hex(6)}"
        if (kind, which) not in made:
            with suppress(OSError, ImportError):
                _on_server(kind, f"CREATE DATABASE {name}")
                made[kind, which] = name
        found = made.get((kind, which))
        return None if found is None else f"{SERVERS[kind].rpartition('/')[0]}/{found}"

    yield url_of
    for (kind, _), name in made.items():
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        _on_server(kind, f"DROP DATABASE {name}{force}")


def _on_server(kind: str, statement: str) -> None:
    """In a thread: the test that asks may have an event loop running."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(_execute(kind, statement))).result()


async def _execute(kind: str, statement: str) -> None:
    if kind == "postgresql":
        import asyncpg

        connection = await asyncpg.connect(SERVERS[kind])
        await connection.execute(statement)
        await connection.close()
    else:
        import asyncmy
        from sqlalchemy import make_url

        url = make_url(SERVERS[kind])
        place = {"host": url.host, "port": url.port or 3306, "user": url.username, "password": url.password or ""}
        connection = await asyncmy.connect(**place)
        await connection.query(statement)
        await connection.ensure_closed()


@pytest.fixture
def make_app() -> Callable[..., Velox]:
    """``make_app(env=..., name=..., **settings)``: an app without routes, with a database of its own in memory."""
    from velox import Settings, Velox

    def make(name: str = "tested", **settings: Any) -> Velox:
        given = {"env": "test", "database_url": "sqlite:///:memory:", "secret_key": SECRET_KEY, **settings}
        return Velox(name, Settings(**given))

    return make


@pytest.fixture(autouse=True)
def _no_project_is_left() -> Iterator[None]:
    """Every project that a test writes calls its modules ``app`` or ``main``; the next one has its own."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in {"app", "main"}]:
        del sys.modules[name]
