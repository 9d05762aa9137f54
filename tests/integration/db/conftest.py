"""A database on a file of its own, and one in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from velox.db import Database


@pytest.fixture
def anyio_backend() -> str:
    """Velox runs on asyncio."""
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Open, with the tables of every test module imported so far."""
    found = Database(f"sqlite:///{tmp_path}/test.db", timeout_s=30)
    await found.start()
    await found.create_tables()
    yield found
    await found.stop()


@pytest.fixture(params=["file", "memory"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database on a file, then one in memory."""
    found = Database(f"sqlite:///{tmp_path}/test.db" if request.param == "file" else "sqlite://", timeout_s=30)
    await found.start()
    await found.create_tables()
    yield found
    await found.stop()
