"""The handlers without a socket: what binding costs alone, and where it goes.

Sanic's own share (parsing, routing, writing) is the same for both and left out: ratios are larger here than over HTTP.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any

from pydantic import SecretStr
from sanic import Request, Sanic
from sanic.compat import Header

from benchmarks.binding import on_sanic, on_velox
from benchmarks.binding.cases import CASES, Case
from benchmarks.summary import table
from velox import Settings

__all__ = ["main"]

Handle = Callable[[], Coroutine[Any, Any, Any]]

CALLS = 2_000
ROUNDS = 15
PROFILE_LINES = 14


def main() -> None:
    """Print CPU µs a call for both, of the least disturbed round, then Velox' profile of each case."""
    velox = on_velox.create_app(Settings(env="prod", secret_key=SecretStr(secrets.token_urlsafe(48))))
    rows, profiles = [], []
    for case in CASES:
        ours, theirs = prepared(velox, case), prepared(on_sanic.app, case)
        costs = [(cost_us(ours), cost_us(theirs)) for _ in range(ROUNDS)]
        mine, other = (min(column) for column in zip(*costs, strict=True))
        rows.append([case.name, f"{mine:.2f}", f"{other:.2f}", f"{mine - other:+.2f}"])
        profiles.append((case.name, ours))
    print(table(["request", "Velox µs", "by hand µs", "difference"], rows))
    for name, handle in profiles:
        print(f"\n## {name}\n")
        profile(handle)


def prepared(app: Sanic[Any, Any], case: Case) -> Handle:
    """A call of the handler that ``app`` has for ``case``, each with a request that nothing was read from yet."""
    if not app.router.finalized:
        asyncio.run(app._startup())
    head, _, body = case.request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = Header([(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)])
    path = target.partition("?")[0]
    _, handler, arguments = app.router.get(path, method, None)

    def handle() -> Coroutine[Any, Any, Any]:
        request: Request = Request(target.encode(), headers, "1.1", method, None, app)  # type: ignore[arg-type]
        request.body = body
        called: Coroutine[Any, Any, Any] = handler(request, **arguments)
        return called

    return handle


def run(handle: Handle, times: int) -> None:
    """Call the handler ``times`` times; ours never wait, so one step ends each."""
    for _ in range(times):
        try:
            handle().send(None)
        except StopIteration:
            continue
        raise RuntimeError("the handler waits for something")


def cost_us(handle: Handle) -> float:
    """CPU µs of one call, the making of its request included."""
    started_s = time.process_time()
    run(handle, CALLS)
    return (time.process_time() - started_s) / CALLS * 1e6


def profile(handle: Handle) -> None:
    """Print which functions take the time; the profiler makes Python calls look dearer than they are."""
    profiler = cProfile.Profile()
    profiler.runcall(run, handle, CALLS)
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(PROFILE_LINES)
