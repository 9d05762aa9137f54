"""Redis for tests: the machine's, one of their own to stop, and a way to it that can be slow or broken."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

DEADLINE_S = 10.0


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a Redis is there that serves."""
    try:
        with socket.create_connection((host, port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class PrivateRedis:
    """A server that the test may stop, start and pause.

    Attributes:
        url: Where it is; the same after another start.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("redis-server") or "valkey-server"
        self._process = subprocess.Popen(
            [program, *self._options, "--port", str(self.port), "--bind", "127.0.0.1"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + DEADLINE_S
        while not answers(self.port):
            if time.monotonic() > deadline_s:
                raise TimeoutError("redis-server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def command(self, *words: str) -> None:
        """Send a command and wait for its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            answer = connection.recv(4096)
        if answer.startswith(b"-"):
            raise RuntimeError(answer.decode())


@contextmanager
def private_redis(folder: Path, *options: str) -> Iterator[PrivateRedis]:
    server = PrivateRedis(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Proxy:
    """A way to a server that can be slow, dead or cut.

    Attributes:
        delay_s: How long answers are held back.
        is_dead: Whether bytes are swallowed, as by a network that drops packets.
    """

    def __init__(self, port: int) -> None:
        self.delay_s = 0.0
        self.is_dead = False
        self.port = 0
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Reset every connection, as a crash does, in the middle of what is under way."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def closed(self) -> None:
        """Until every connection is."""
        while self._serving:
            await asyncio.wait(self._serving)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there[1]}
        try:
            await asyncio.gather(
                self._pump(reader, there[1], answers=False), self._pump(there[0], writer, answers=True)
            )
        finally:
            for each in (writer, there[1]):
                self._writers.discard(each)
                each.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if answers and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if not self.is_dead:
                    sink.write(data)
                    await sink.drain()
        sink.close()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await proxy.closed()
