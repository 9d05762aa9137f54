"""The server that the cases run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.http.server import Server, serving, velox


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The echo app under Velox' own protocol, in a process of its own; it is still alive at the end."""
    with serving(velox) as running:
        yield running
        assert running.is_running, running.output
