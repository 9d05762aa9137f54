"""An empty database of our own on a server that others use, too."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["SERVERS", "own_database"]

SERVERS = {
    "postgresql": os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
    "mariadb": os.environ.get("TEST_MARIADB_URL", "mariadb://root@127.0.0.1:3306/mysql"),
}


@contextmanager
def own_database(kind: str) -> Iterator[str]:
    """Its URL; it is dropped at the end.

    Args:
        kind: One of :data:`SERVERS`.

    Raises:
        OSError: The server is not there.
        ImportError: Nor is the package for it.
    """
    name = f"velox_bench_{secrets.token_hex(6)}"
    asyncio.run(execute(kind, f"CREATE DATABASE {name}"))
    try:
        yield f"{SERVERS[kind].rpartition('/')[0]}/{name}"
    finally:
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        asyncio.run(execute(kind, f"DROP DATABASE {name}{force}"))


async def execute(kind: str, statement: str) -> None:
    if kind == "postgresql":
        import asyncpg

        postgresql = await asyncpg.connect(SERVERS[kind])
        await postgresql.execute(statement)
        await postgresql.close()
    else:
        import asyncmy
        from sqlalchemy import make_url

        url = make_url(SERVERS[kind])
        mariadb = await asyncmy.connect(
            host=url.host, port=url.port or 3306, user=url.username, password=url.password or ""
        )
        await mariadb.query(statement)
        await mariadb.ensure_closed()
