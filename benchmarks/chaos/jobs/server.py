"""A Redis of our own, which may be killed; and single requests."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Self

__all__ = ["OwnRedis", "answers", "has_redis_server"]

START_S = 10.0


def has_redis_server() -> bool:
    """Whether this machine can start one."""
    return shutil.which("redis-server") is not None


class OwnRedis:
    """``redis-server`` on a free port.

    Args:
        folder: Where it keeps its file.
        sync: When it writes to that (``appendfsync``): ``always`` is before it answers.
    """

    def __init__(self, folder: Path, sync: str = "always") -> None:
        folder.mkdir(parents=True)
        self._folder, self._sync = folder, sync
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        options = ("--save", "", "--appendonly", "yes", "--appendfsync", self._sync, "--dir", str(self._folder))
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", *options], stdout=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except OSError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """``kill -9``."""
        self._process.kill()
        self._process.wait()


def answers(port: int, path: str) -> int | None:
    """The status of the answer to a POST; None when nobody answers."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("POST", path, headers={"Content-Length": "0"})
            return connection.getresponse().status
        except OSError:
            return None
