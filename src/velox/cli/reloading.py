"""Serving in ``dev``: start anew on every change, in a fraction of a second.

this process     owns the socket and watches the files; never imports the project
  └ forkserver   has Sanic, Velox and the database library imported; never imports the project
      └ server   forked from it on each change: only the project itself is imported again
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from watchfiles import Change, DefaultFilter, watch

from velox.cli.console import note, style
from velox.cli.port import listen
from velox.cli.serving import guarded, serve_in_turn
from velox.cli.startup import announce
from velox.errors import EXIT_FAILURE, ConfigurationError
from velox.factory import Factory
from velox.http.signals import end_with_parent, on_signals

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["ProjectFiles", "serve_reloading"]

_PRELOAD = ["velox.cli.reloading", "velox.app", "velox.db", "sanic", "uvloop"]
# Open streams (a browser on Server-Sent Events) would hold a reload up for the whole grace period.
GRACE_S = 1.0
_KILL_AFTER_S = GRACE_S + 2.0
_TICK_MS = 100
# A database file that is written to all the time keeps the watcher from settling; then it reports after this.
_DEBOUNCE_MS = 300
_SETTLED_MS = 20
# How the serving process says that there is no app factory: no other failure of its own ends with this code.
_NO_FACTORY = 66


class ProjectFiles(DefaultFilter):
    """Python sources and the two settings files; not the virtual environment, caches or the database."""

    def __call__(self, change: Change, path: str) -> bool:
        name = Path(path).name
        return (name.endswith(".py") or name in {"velox.toml", ".env"}) and super().__call__(change, path)


def serve_reloading(factory: Factory, given: Mapping[str, Any], taken: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, starting anew whenever a file of the project changes.

    A server that cannot start prints why, and the next change tries again; only a target that names no app factory ends
    it all, with exit code 1.
    """
    stop = threading.Event()
    on_signals(stop.set)
    server = _Server(factory, dict(given), taken)
    try:
        server.start(())
        for changes in watch(
            factory.directory,
            watch_filter=ProjectFiles(),
            debounce=_DEBOUNCE_MS,
            step=_SETTLED_MS,
            rust_timeout=_TICK_MS,
            yield_on_timeout=True,
            stop_event=stop,
            raise_interrupt=False,
        ):
            if changes:
                server.stop()
                server.start(sorted({os.path.relpath(path, factory.directory) for _, path in changes}))
            server.attend()
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a serving process starts: the files that changed (none the first time), and when, by the monotonic clock."""

    changed: tuple[str, ...]
    at_s: float


@dataclass
class _Server:
    """The serving process of the moment."""

    factory: Factory
    given: dict[str, Any]
    taken: socket.socket
    process: ForkServerProcess | None = None
    line: Connection | None = None
    context: Any = field(default_factory=lambda: multiprocessing.get_context("forkserver"))

    def start(self, changed: Iterable[str]) -> None:
        self.context.set_forkserver_preload(_PRELOAD)
        self.line, other = self.context.Pipe()
        self.process = self.context.Process(
            target=_serve,
            args=(self.factory, self.given, self.taken, other, _Cause(tuple(changed), time.monotonic())),
            name="velox",
        )
        self.process.start()
        other.close()

    def stop(self) -> None:
        """Ask it to end, and see to it that it did."""
        if self.process is None:
            return
        self.process.terminate()
        self.process.join(_KILL_AFTER_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self._forget()

    def attend(self) -> None:
        """Answer what it asks, and say so when it has ended by itself."""
        if self.process is None or self.line is None:
            return
        if not self.process.is_alive():
            code = self.process.exitcode or 0
            if code == _NO_FACTORY:
                raise SystemExit(EXIT_FAILURE)
            how = f"the server was killed by signal {-code}; " if code < 0 else ""
            note(style(f"{how}waiting for a change to start anew", "yellow", stderr=True))
            self._forget()
        elif self.line.poll():
            # The project's own settings class has another default address: only the server could know.
            host, port = self.line.recv()
            self.taken.close()
            self.taken = listen(host, port)
            self.line.send(self.taken)

    def _forget(self) -> None:
        if self.line is not None:
            self.line.close()
        self.process = self.line = None


def _serve(factory: Factory, given: dict[str, Any], taken: socket.socket, line: Connection, cause: _Cause) -> None:
    """The serving process."""
    end_with_parent()
    # Two edits in one second that keep the size would otherwise be answered with the first one's bytecode.
    sys.dont_write_bytecode = True
    ready = partial(_again, cause) if cause.changed else partial(announce, target=factory.target)
    elsewhere = partial(_ask, line)
    sys.exit(guarded(lambda: _found(partial(serve_in_turn, factory, given, taken, ready=ready, elsewhere=elsewhere))))


def _found(serve: Callable[..., None]) -> None:
    try:
        serve(hurry_s=GRACE_S)
    except ConfigurationError as error:
        if error.code == "VX101":
            error.exit_code = _NO_FACTORY
        raise


def _ask(line: Connection, host: str, port: int) -> socket.socket:
    line.send((host, port))
    taken = line.recv()
    if not isinstance(taken, socket.socket):
        raise TypeError(f"expected a socket, got {taken!r}")
    return taken


def _again(cause: _Cause, _app: Velox) -> None:
    took_s = time.monotonic() - cause.at_s
    more = f" and {len(cause.changed) - 1} more" if len(cause.changed) > 1 else ""
    click.echo(style(f"reloaded in {took_s:.2f} s: {cause.changed[0]}{more}", "green"))
