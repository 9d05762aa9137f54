"""A server under measurement: a process of its own, on its own core, whose CPU time can be read."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.environment import ROOT

__all__ = ["Server", "serving"]

START_S = 20.0
STOP_S = 10.0
STEP_S = 0.02
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Server:
    """A running server.

    Attributes:
        port: Where it listens on 127.0.0.1.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    def cpu_s(self) -> float:
        """CPU time so far, user and system, of the process and its descendants; a tick is 10 ms (proc_pid_stat(5))."""
        return sum(_ticks(pid) for pid in _family(self._process.pid)) / TICKS_PER_S

    def worker_bytes(self) -> int:
        """Resident memory of the process that serves: the largest one of the process and its descendants."""
        return max(_resident_bytes(pid) for pid in _family(self._process.pid))


@contextlib.contextmanager
def serving(
    command: Callable[[int], Sequence[str | Path]], *, environment: Mapping[str, str], core: int
) -> Iterator[Server]:
    """A server started with ``command(port)`` on core ``core``; stopped at the end.

    Raises:
        RuntimeError: It did not answer, with what it printed.
    """
    port = free_port()
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command(port),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        os.sched_setaffinity(process.pid, {core})
        try:
            if not answers(port, process):
                output.seek(0)
                raise RuntimeError(f"{process.args!r} did not start:\n{output.read().decode(errors='replace')}")
            yield Server(process, port)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            # The socket may listen before the loop runs; an answer, whichever, says that it does.
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if connection.recv(1):
                return True
        time.sleep(STEP_S)
    return False


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


def _ticks(pid: int) -> int:
    # The name in parentheses may hold spaces; what is wanted comes after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, ended_user, ended_system = (int(field) for field in fields[11:15])
    return user + system + ended_user + ended_system


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
