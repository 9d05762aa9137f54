"""A server under test, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

__all__ = ["ROOT", "Command", "Server", "sanic", "serving", "velox"]

ROOT = Path(__file__).resolve().parents[3]
START_S = 30.0
STOP_S = 10.0
STEP_S = 0.02

Command = Callable[[int], Sequence[str | Path]]


def velox(port: int) -> list[str | Path]:
    """The command of Velox, as a user runs it: under its own protocol."""
    return [sys.executable, "-m", "velox", "run", "tests.apps.echo:create_app", "--port", str(port)]


def sanic(port: int) -> list[str | Path]:
    """The command of Sanic alone."""
    return [sys.executable, "-m", "tests.conformance.http.launch", str(port)]


class Server:
    """A running server.

    Attributes:
        port: Where it listens on 127.0.0.1.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process = process
        self._log = log
        self.port = port

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def resident_bytes(self) -> int:
        """What it has in memory now (proc(5))."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def serving(command: Command) -> Iterator[Server]:
    """A server started with ``command(port)``; stopped at the end.

    Raises:
        RuntimeError: It did not answer within 30 s; what it printed is in the message.
    """
    port = free_port()
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "VELOX_ENV": "test", "VELOX_DATABASE_URL": "sqlite://"}
    with tempfile.NamedTemporaryFile(prefix="conformance-", suffix=".log") as output:
        process = subprocess.Popen(command(port), cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        server = Server(process, port, Path(output.name))
        try:
            wait_for(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(server: Server) -> None:
    deadline_s = time.monotonic() + START_S
    while not answers(server.port):
        if not server.is_running or time.monotonic() > deadline_s:
            raise RuntimeError(f"the server did not start:\n{server.output}")
        time.sleep(STEP_S)


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
