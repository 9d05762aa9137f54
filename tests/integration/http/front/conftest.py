"""A real server of ``tests.apps.front``, and answers as they come from the socket."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SECRET = "Qm4xv-0pZr8yW2kT_uD7hLs9eNfB3cJ6aGi5"
STARTS_S, ANSWERS_S = 20.0, 10.0


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its header fields with names in lower case, in order, and its body."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field == name]

    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """One process that serves ``folder``."""

    def __init__(self, protocol: str, folder: Path, environment: Mapping[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._protocol = protocol
        own = {name: value for name, value in os.environ.items() if not name.startswith(("VELOX_", "SANIC_"))}
        own |= {"VELOX_SECRET_KEY": SECRET, "VELOX_DATABASE_URL": "sqlite:///:memory:", **environment}
        command = [sys.executable, "-m", "tests.apps.front", str(self.port), protocol, str(folder)]
        self._process = subprocess.Popen(command, env=own)
        self._wait()

    def _wait(self) -> None:
        until_s = time.monotonic() + STARTS_S
        while True:
            try:
                with self.connect():
                    return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until_s:
                    raise
                select_nothing()

    def connect(self, timeout_s: float = ANSWERS_S) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout_s)
        if self._protocol != "tls":
            return plain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain)

    def get(self, target: str, *fields: str, method: str = "GET") -> Answer:
        """Ask on a connection of its own; ``target`` goes out as it is, and a ``Host`` replaces the usual one."""
        host = () if any(field.lower().startswith("host:") for field in fields) else (f"Host: 127.0.0.1:{self.port}",)
        lines = (f"{method} {target} HTTP/1.1", *host, "Connection: close", *fields, "", "")
        with self.connect() as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1"))
            head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        pairs = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in rest)]
        return Answer(int(first.split()[1]), pairs, body)

    def memory_bytes(self) -> int:
        """What the process has in memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def select_nothing() -> None:
    """Give the server's process a moment of this one's time."""
    os.sched_yield()


Start = Callable[..., Server]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """``start("velox", folder, VELOX_ENV="prod")``: a server until the module's last test."""
    started: list[Server] = []

    def start(protocol: str, folder: Path, **environment: str) -> Server:
        started.append(Server(protocol, folder, environment))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files of yesterday, with ways out of it."""
    folder = tmp_path_factory.mktemp("front") / "www"
    (folder / "sub").mkdir(parents=True)
    (folder.parent / "secret").write_text("secret")
    for name, content in {
        "hello.txt": b"hello world",
        "index.html": b"<h1>home</h1>",
        "sub/a b.css": b"a{}",
        "empty.bin": b"",
        "big.bin": bytes(range(256)) * 20_000,
        "%2e%2e": b"dots",
        "archive.tar.gz": b"z",
    }.items():
        path = folder / name
        path.write_bytes(content)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    (folder / "leak").symlink_to(folder.parent / "secret")
    (folder / "up").symlink_to(folder.parent)
    (folder / "link.txt").symlink_to("hello.txt")
    os.mkfifo(folder / "pipe")
    return folder
