"""Commands run the way a user runs them: in their own process, in a project's folder, on a real socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from velox.testing import LiveServer

TIMEOUT_S = 300.0
Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[[Path], AbstractContextManager[httpx.Client]]


def environment() -> dict[str, str]:
    """This process' environment without what configures Velox, pytest or coverage of the outer run."""
    outer = ("VELOX_", "PYTEST_", "COV_", "COVERAGE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return {**inherited, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}"}


@pytest.fixture(scope="session")
def run() -> Run:
    """``run("velox", "routes", cwd=project)``: the finished process, which has to exit with ``code`` (default 0)."""

    def run(*command: str, cwd: Path, code: int = 0, timeout_s: float = TIMEOUT_S) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=cwd, env=environment(), text=True, capture_output=True, check=False, timeout=timeout_s
        )
        assert done.returncode == code, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def serve() -> Serve:
    """``with serve(project) as client:`` runs ``velox run`` in dev on a free port; it has to exit with 0 at the end."""

    @contextmanager
    def serve(project: Path) -> Iterator[httpx.Client]:
        with LiveServer(directory=project, environment={"VELOX_ENV": "dev"}) as server:
            with httpx.Client(base_url=server.url, timeout=TIMEOUT_S) as client:
                yield client
            assert server.stop() == 0, server.output

    return serve
