"""What Velox adds to its floor, without a socket: ``python -m benchmarks.http.in_process``.

The bytes of a request are handed to a connection's ``data_received`` and its answer to a transport that only counts, so
the kernel, the loop and wrk are left out, and so is what other programs do to the processor's caches. What is left is
Python's share, and a table of it by function.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import logging
import os
import pstats
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr
from sanic.log import access_logger
from sanic.models.server_types import Signal

from benchmarks.http import on_velox
from benchmarks.http.cases import CASES, JSON, Case
from benchmarks.http.on_httptools import Constant
from benchmarks.http.servers import FLOOR, VELOX, WATCHED
from benchmarks.summary import table
from velox import Settings, Velox
from velox.cli.access import log_access_to
from velox.http import VeloxProtocol
from velox.http.meter import Layout, Meter

__all__ = ["main"]

REQUESTS = 2_000
ROUNDS = 15
CONNECTIONS = 64
PROFILE_LINES = 16
LOGGED = "Velox with access log"


class Sink(asyncio.Transport):
    """A client that takes everything at once."""

    written = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += 1

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default


class Drive:
    """A server's connections, and the requests that they are given in turn.

    Args:
        connect: Makes a connection.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connections = [connect() for _ in range(CONNECTIONS)]
        self._sinks = [Sink() for _ in self._connections]
        for connection, sink in zip(self._connections, self._sinks, strict=True):
            connection.connection_made(sink)

    def run(self, requests: list[bytes]) -> None:
        """Answer ``requests``.

        Raises:
            RuntimeError: One was not answered in its first step, so its time would not be seen.
        """
        before, count = self._written(), len(self._connections)
        for number, data in enumerate(requests):
            self._connections[number % count].data_received(data)
        if self._written() - before != len(requests):
            raise RuntimeError("a request was not answered at once")

    def cost_us(self, requests: list[bytes]) -> float:
        """CPU µs of one request."""
        started_s = time.process_time()
        self.run(requests)
        return (time.process_time() - started_s) / len(requests) * 1e6

    def _written(self) -> int:
        return sum(sink.written for sink in self._sinks)


def main() -> None:
    """Print CPU µs a request, of the least disturbed round; with ``--profile`` of which functions, too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http.in_process", description=__doc__)
    parser.add_argument("--profile", metavar="CASE", help="also by function, of cases with this in their names")
    arguments = parser.parse_args()
    with Path(os.devnull).open("w") as nowhere, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        log_access_to(nowhere)
        access_logger.setLevel(logging.INFO)
        drives = runner.run(prepared())
        # A loop calls data_received outside of any Task, and so has this.
        loop = runner.get_loop()
        loop.call_soon(compare, drives, arguments.profile)
        loop.call_soon(loop.stop)
        loop.run_forever()
        log_access_to(None)


async def prepared() -> dict[str, Drive]:
    """The floor and Velox, connected."""
    return {
        FLOOR: Drive(Constant),
        VELOX: Drive(await started(on_velox.create_app)),
        LOGGED: Drive(await started(on_velox.create_app, is_logged=True)),
        WATCHED: Drive(await started(on_velox.create_watched, is_watched=True)),
    }


def compare(drives: Mapping[str, Drive], profiled: str | None) -> None:
    """Measure all cases in turns, so that what disturbs disturbs all."""
    pairs = [(name, case) for case in CASES for name in drives if name not in {LOGGED, WATCHED} or case is JSON]
    best: dict[tuple[str, str], float] = {}
    for _ in range(ROUNDS):
        for name, case in pairs:
            cost_us = drives[name].cost_us(requests_of(case))
            best[name, case.name] = min(cost_us, best.get((name, case.name), cost_us))
    rows = [[case, name, f"{cost_us:.1f}"] for (name, case), cost_us in best.items()]
    print(table(["request", "server", "CPU µs"], rows))
    for name, case in pairs:
        if profiled is not None and name != FLOOR and profiled in f"{case.name}, {name}":
            print(f"\n## {case.name}, {name}\n")
            profile(drives[name], requests_of(case))


async def started(
    create: Callable[[Settings], Velox], *, is_watched: bool = False, is_logged: bool = False
) -> Callable[[], Any]:
    """What makes the connections of a started app, as ``velox run --prod`` has them; with metrics and request ids if it
    ``is_watched``, with an access log that nobody keeps if it ``is_logged``."""
    secret = SecretStr(secrets.token_urlsafe(48))
    app: Any = create(Settings(env="prod", secret_key=secret, metrics=is_watched, request_id_header=is_watched))
    app.prepare(port=1, protocol=VeloxProtocol, motd=False, access_log=is_logged, single_process=True)
    await app._startup()
    if is_watched:
        layout = Layout(app.router.routes)
        app.meter = Meter(layout, memoryview(bytearray(8 * layout.size)).cast("d"))
    protocol = app.state.server_info[0].settings["protocol"]
    return partial(protocol, loop=asyncio.get_running_loop(), app=app, connections=set(), signal=Signal())


def requests_of(case: Case) -> list[bytes]:
    """Different ones, if the case has a number in it."""
    return [case.request(number) for number in range(1, REQUESTS + 1)]


def profile(drive: Drive, requests: list[bytes]) -> None:
    """Print which functions take the time; the profiler makes Python calls look dearer than they are."""
    profiler = cProfile.Profile()
    profiler.runcall(drive.run, requests)
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(PROFILE_LINES)


if __name__ == "__main__":
    main()
