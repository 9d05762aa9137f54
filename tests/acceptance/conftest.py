"""Commands run the way a user runs them: in their own process, in a project's folder, on a real socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

TIMEOUT_S = 60.0
Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[httpx.Client]]


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
    """``with serve(project) as client:`` runs ``velox run`` on a free port until the block ends; it has to exit with 0."""

    @contextmanager
    def serve(project: Path, *options: str) -> Iterator[httpx.Client]:
        port = _free_port()
        log = project.parent / f"{project.name}.log"
        command = ["velox", "run", "--port", str(port), *options]
        with log.open("w") as stream, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S) as client:
            server = subprocess.Popen(command, cwd=project, env=environment(), stdout=stream, stderr=stream)
            try:
                _wait_until_it_listens(port, server, log)
                yield client
            finally:
                server.terminate()
                code = server.wait(TIMEOUT_S)
        assert code == 0, log.read_text()

    return serve


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"velox run does not listen:\n{log.read_text()}")
