"""Servers that are gone at the end of a test, whatever happens in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.running import Running, write_project

Start = Callable[..., Running]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one file."""
    return write_project(tmp_path / "chaos")


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """``start("--workers", "2", environment={...})``: a server in ``project``, at whatever point of its start."""
    started: list[Running] = []

    def start(*options: str, environment: dict[str, str] | None = None) -> Running:
        started.append(Running(project, *options, environment=environment))
        return started[-1]

    yield start
    for server in started:
        server.kill()
