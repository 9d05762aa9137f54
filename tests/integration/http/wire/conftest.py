"""The loop that the wire is tested in."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Sanic knows asyncio only."""
    return "asyncio"
