"""One process that serves an app on a bound socket, from its start-up steps to the last response."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from sanic import Sanic
from sanic.application.constants import ServerStage
from sanic.server.runners import _build_protocol_kwargs

from velox.http.budgets import Budgets
from velox.http.connections import Connection, announce_close, close_idle, closing, leave_streams
from velox.http.drain import Drain, Stage, Timing
from velox.http.listener import limit_unsent, queued
from velox.http.signals import ends_with_terminal, has_terminal, hold, on_signals

__all__ = ["MARGIN_S", "Drainable", "serve_app"]

MARGIN_S = 1.0
"""After the grace period, how long stop steps may take before the process ends without them, in seconds."""
_POLL_S = 0.01
_TLS_GOODBYE_S = 2.0
# Connections that the standard library's loop has accepted and not yet made a transport for need two rounds.
_ROUNDS = 3

logger = logging.getLogger("velox")


@runtime_checkable
class Drainable(Protocol):
    """An app that is told first, before any listener of ``before_server_stop``."""

    def drain(self) -> None:
        """Become unready."""


class Successor(Protocol):
    """Who goes on with the same socket."""

    async def prepare(self) -> bool:
        """Whether everything is ready for it."""

    def become(self) -> None:
        """Become it; it does not return."""


def serve_app(
    app: Sanic[Any, Any],
    taken: socket.socket,
    *,
    timing: Timing,
    ready: Callable[[], None],
    leaving: Callable[[], object] | None = None,
    successor: Successor | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT, or until SIGHUP and a successor that is prepared; then drain, stop and return.

    The app was prepared (``app.prepare``), which chose the protocol. Sanic's listeners run in Sanic's order.

    Args:
        app: The app.
        taken: The bound socket; it is closed when the server closes its own.
        timing: How long the stages of stopping take.
        ready: Called once the app answers.
        leaving: Called when stopping begins, unless a successor goes on. None: nothing is.
        successor: What SIGHUP is for. None: it is not for us.

    Returns:
        Whether the process is to become its successor.

    Raises:
        Exception: Whatever a start-up step raises.
    """
    app.setup_loop()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server = _Server(app, taken, loop, timing, successor)
    try:
        task = loop.create_task(server.serve(ready, leaving))
        task.add_done_callback(lambda _: loop.stop())
        while not task.done():
            loop.run_forever()
            server.stop_wanted.set()  # somebody called app.stop(), which stops the loop
        task.result()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        taken.close()
        if server.succeeded:
            hold()  # a signal to stop that comes from now on is the successor's
    return server.succeeded


class _Server:
    """The server of one process; see :mod:`velox.http.drain` for the stages of its end."""

    def __init__(
        self,
        app: Sanic[Any, Any],
        taken: socket.socket,
        loop: asyncio.AbstractEventLoop,
        timing: Timing,
        successor: Successor | None,
    ) -> None:
        self.app = app
        self.loop = loop
        self.timing = timing
        self.taken = taken
        self.drain = Drain()
        self.stop_wanted = asyncio.Event()
        self.successor = successor
        self.succeeded = False
        self.preparing: asyncio.Task[None] | None = None
        self.had_terminal = ends_with_terminal()
        self.connections: set[Connection] = set()
        settings = app.state.server_info[0].settings
        self.tls: dict[str, Any] = {}
        if settings["ssl"] is not None:
            # The handshake is before the protocol, which counts a head's time from there.
            self.tls = {"ssl": settings["ssl"], "ssl_handshake_timeout": float(app.config.REQUEST_TIMEOUT)}
            self.tls["ssl_shutdown_timeout"] = _TLS_GOODBYE_S
        protocol = settings["protocol"]
        self.budgets: Budgets | None = getattr(protocol, "budgets", None)
        self.protocol: Callable[[], Any] = partial(
            protocol,
            loop=loop,
            connections=self.connections,
            signal=self.drain,
            app=app,
            state={},
            unix=None,
            **_build_protocol_kwargs(protocol, app.config),
        )

    def connect(self) -> Any:
        """A new connection."""
        return closing(self.protocol()) if self.drain.draining else self.protocol()

    async def serve(self, ready: Callable[[], None], leaving: Callable[[], object] | None) -> None:
        app, loop = self.app, self.loop
        app.asgi = False
        if self.budgets is not None:
            limit_unsent(self.taken, 2 * self.budgets.write_buffer_bytes)
        app.state.server_info[0].stage = ServerStage.SERVING
        await app._startup()
        await app._server_event("init", "before", loop)
        on_signals(self._asked)  # from here on there may be requests
        # The one given is closed with the server; ours is for what is left in the queue then.
        server = await loop.create_server(self.connect, sock=self.taken.dup(), backlog=socket.SOMAXCONN, **self.tls)
        try:
            await app._server_event("init", "after", loop)
            os.environ["SANIC_WORKER_PROCESS"] = "true"
            app.set_serving(True)
            # What exists now stays: the collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            if self.successor is not None:
                signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(self._hung_up))
            ready()
            await self.stop_wanted.wait()
        finally:
            if self.preparing is not None:
                self.preparing.cancel()
            if leaving is not None and not self.succeeded:
                leaving()
            await self._stop(server)

    def _asked(self) -> None:
        """A signal came: stop, and have no successor."""
        if not self.stop_wanted.is_set() and self.drain.stage is Stage.SERVING:
            self._end_in_time(_give_up)
        self.succeeded = False
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.stop_wanted.set)

    def _hung_up(self) -> None:
        """SIGHUP came: from somebody who wants the newest program, or because the terminal was closed."""
        if self.had_terminal and not has_terminal():
            self._asked()
        elif self.preparing is None and not self.stop_wanted.is_set():
            self.preparing = self.loop.create_task(self._prepare())

    async def _prepare(self) -> None:
        assert self.successor is not None
        is_ready = await self.successor.prepare()
        self.preparing = None
        if is_ready and not self.stop_wanted.is_set():
            self.succeeded = True
            self._end_in_time(self._succeed)
            self.stop_wanted.set()

    def _succeed(self) -> None:
        if self.succeeded and self.successor is not None:
            self.successor.become()
        _give_up()

    def _end_in_time(self, end: Callable[[], None]) -> None:
        """Also a loop that a handler blocks, or a step that hangs, ends in time."""
        last = threading.Timer(self.timing.grace_s + MARGIN_S, end)
        last.daemon = True
        last.start()

    async def _stop(self, server: asyncio.Server) -> None:
        app, timing = self.app, self.timing
        cut_s = self.loop.time() + timing.grace_s
        self.drain.go_on("asked")
        if isinstance(app, Drainable):
            app.drain()
        announce_close(self.connections)
        # Before Sanic, whose own listener cancels their handlers; that would be a normal end (1000) to their clients.
        leave_streams(self.connections)
        await asyncio.sleep(0)
        try:
            await app._server_event("shutdown", "before", self.loop)
        except Exception:
            logger.exception("a listener of before_server_stop failed; stopping goes on")
        await asyncio.sleep(min(timing.settle_s, timing.grace_s))
        await self._close(server)
        self.drain.go_on("settled")
        await self._finish(cut_s)
        await self._cancel_tasks(cut_s)
        app.set_serving(False)
        await app._server_event("shutdown", "after", self.loop)

    async def _close(self, server: asyncio.Server) -> None:
        """Accept no more, after everything that the kernel has accepted; if other workers go on, it need not be all."""
        for listening in server.sockets:
            self.loop.remove_reader(listening.fileno())
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        server.close()
        self.taken.setblocking(False)
        last = islice(queued(self.taken), socket.SOMAXCONN)
        welcome = (self.loop.connect_accepted_socket(self.connect, accepted, **self.tls) for accepted in last)
        await asyncio.gather(*welcome, return_exceptions=True)  # who has gone meanwhile needs no answer
        self.taken.close()

    async def _finish(self, cut_s: float) -> None:
        """Wait for requests in flight; what is kept alive goes when it is idle; what is late is cut."""
        idle_from_s = self.loop.time() + self.timing.idle_s
        while self.connections and self.loop.time() < cut_s:
            leave_streams(self.connections)
            if self.loop.time() >= idle_from_s:
                for connection in tuple(self.connections):
                    close_idle(connection)
            await asyncio.sleep(_POLL_S)
        if self.connections:
            logger.warning("cut %d connections that were not done in %g s", len(self.connections), self.timing.grace_s)
        self.drain.go_on("cut" if self.connections else "idle")
        for connection in tuple(self.connections):
            connection.abort()

    async def _cancel_tasks(self, cut_s: float) -> None:
        """Background tasks of the app are cancelled, and may clean up until ``cut_s``."""
        tasks = [task for task in self.app.tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=max(0.1, cut_s - self.loop.time()))


def _give_up() -> None:
    logger.error("a stop step or a handler did not let go in time; the process ends without it")
    logging.shutdown()
    os._exit(0)
