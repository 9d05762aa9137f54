"""Four shards and another database, as SQLite files and as databases of PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.sharded_models import SHARDS, Base, spread
from velox.db import Database
from velox.db.migrations.clearing import drop_everything


@pytest.fixture
def anyio_backend() -> str:
    """Velox runs on asyncio."""
    return "asyncio"


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[Database]:
    """Six SQLite files."""
    async with spread(tmp_path) as found:
        yield found


@pytest.fixture
def postgresql_urls(
    require: Callable[[object, str], None], server_databases: Callable[..., str | None]
) -> dict[str, str]:
    """The URLs of six databases of PostgreSQL, by name; the test is skipped without a server."""
    urls = {name: server_databases("postgresql", name) for name in ("main", "analytics", *SHARDS)}
    require(all(urls.values()), "PostgreSQL at TEST_POSTGRESQL_URL")
    return {name: str(url) for name, url in urls.items()}


@pytest.fixture(params=["files", "postgresql"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Six SQLite files, then six databases of PostgreSQL."""
    if request.param == "files":
        async with spread(tmp_path) as found:
            yield found
        return
    urls: dict[str, str] = request.getfixturevalue("postgresql_urls")
    database = Database(
        urls["main"],
        timeout_s=30,
        databases={"analytics": urls["analytics"]},
        shards={name: urls[name] for name in SHARDS},
    )
    await database.start()
    try:
        await database.create_tables(Base.metadata)
        yield database
    finally:
        for each in (database, *database.others.values()):
            await drop_everything(each)
        await database.stop()
