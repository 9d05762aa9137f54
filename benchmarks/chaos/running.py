"""``velox run`` as a process that may do anything: start, fail, die."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

__all__ = ["MAIN", "Running", "write_project"]

MAIN = Path(__file__).with_name("main.py")
DEADLINE_S = 30.0
STEP_S = 0.005
SECRET = "c5fW1o9-RwKXlTq_7hYzB3dNn0JmAuEe8sVgPk2LxQi"
HEAD_BYTES = 65_536
TAKE_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and children inherit that
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def write_project(folder: Path) -> Path:
    """A project of one file in the new ``folder``."""
    folder.mkdir()
    shutil.copy(MAIN, folder / "main.py")
    return folder


class Running:
    """``velox run --prod`` on a free port of 127.0.0.1.

    Args:
        project: Its folder.
        options: Of ``velox run``.
        environment: Variables on top of this process' own.
        terminal: The descriptor of a terminal that it is started at; None: at none.

    Attributes:
        process: The process that was started: the server itself, or its workers' parent.
    """

    def __init__(
        self, project: Path, *options: str, environment: Mapping[str, str] | None = None, terminal: int | None = None
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.log = project.parent / f"{project.name}-{self.port}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VELOX_")}
        own = {"VELOX_SECRET_KEY": SECRET, "VELOX_DATABASE_URL": "sqlite:///:memory:"}
        before = [] if terminal is None else [sys.executable, "-c", TAKE_TERMINAL]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "velox", "run", "--prod", "--port", str(self.port), *options],
                cwd=project,
                env={**inherited, **own, **(environment or {})},
                stdin=subprocess.DEVNULL if terminal is None else terminal,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # by which its descendants are known, and Ctrl-C is not theirs
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text()

    def until(self, holds: Callable[[], object], deadline_s: float = DEADLINE_S) -> float:
        """Poll until ``holds()``; connection errors count as no. Returns the seconds it took.

        Raises:
            TimeoutError: Not within ``deadline_s``, with what the server printed.
        """
        began_s = time.monotonic()
        while time.monotonic() - began_s < deadline_s:
            try:
                if holds():
                    return time.monotonic() - began_s
            except (OSError, ValueError):
                pass
            time.sleep(STEP_S)
        raise TimeoutError(f"not within {deadline_s:g} s; it printed:\n{self.output}")

    def until_ready(self) -> float:
        """Wait for the line that says that all workers serve. Raises RuntimeError when it ends instead."""
        took_s = self.until(lambda: self.process.poll() is not None or '"message": "serving"' in self.output)
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with exit code {self.process.poll()}; it printed:\n{self.output}")
        return took_s

    def get(self, path: str) -> str:
        """The body of the answer to one request on a connection of its own."""
        with self.connect() as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: chaos\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while chunk := connection.recv(HEAD_BYTES):
                received += chunk
        return received.partition(b"\r\n\r\n")[2].decode()

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)

    def worker(self) -> int:
        """The process id of a worker that answers."""
        return int(self.get("/pid"))

    def workers(self, count: int) -> set[int]:
        """The processes of the ``count`` workers that answer."""
        found: set[int] = set()

        def all_answered() -> bool:
            found.add(self.worker())
            return len(found) == count

        self.until(all_answered)
        return found

    def hears_sigterm(self) -> bool:
        """Whether the process has a handler for SIGTERM (SigCgt of proc_pid_status(5)): before, it is the interpreter's
        own start, which nobody can ask Velox for."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught & 1 << (signal.SIGTERM - 1))

    def memory_bytes(self) -> int:
        """What the process has in memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def descendants(self) -> list[int]:
        """Live processes of its session, itself included."""
        return [pid for pid, session in _sessions() if session == self.process.pid]

    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        return not self.descendants()

    def kill(self) -> None:
        """Leave nothing behind."""
        for pid in self.descendants():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def _sessions() -> Iterator[tuple[int, int]]:
    """Each live process and its session (field 6 of /proc/PID/stat), zombies left out."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                yield int(entry.name), int(fields[3])
