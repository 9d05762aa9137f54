"""A server at a terminal that is closed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.chaos.running import Running


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_terminal_that_is_closed_ends_its_server(project: Path, workers: str) -> None:
    """The kernel says so with SIGHUP, which from anybody else means a restart: nobody would see or stop it any more."""
    master, slave = os.openpty()
    server = Running(project, "--workers", workers, terminal=slave)
    os.close(slave)
    try:
        server.until_ready()
        os.close(master)
        assert server.process.wait(20) == 0, server.output
        server.until(server.is_gone)
        assert "replaced all workers" not in server.output
        assert "Traceback" not in server.output
    finally:
        server.kill()
