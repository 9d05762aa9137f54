"""A shop on a database of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.integration.idempotency.shop import make_tables
from velox.db import Database


@pytest.fixture
def anyio_backend() -> str:
    """Velox runs on asyncio."""
    return "asyncio"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
async def url(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    require: Callable[[object, str], None],
    server_databases: Callable[[str], str | None],
) -> AsyncIterator[str]:
    """Where the shop's empty tables are."""
    found = f"sqlite:///{tmp_path}/shop.db" if request.param == "sqlite" else server_databases(request.param)
    require(found, f"no {request.param}")
    assert found is not None
    await make_tables(found)
    yield found
    database = Database(found)
    await database.start()
    async with database.session() as db:
        for table in ("velox_idempotency", "shoporder"):
            await (await db.connection()).execute(text(f"DELETE FROM {table}"))
    await database.stop()
