"""A worker process, seen from both of its ends.

starting ──ready──▶ serving ──stop──▶ leaving ──exit──▶ gone
   │  └──────────────stop──────────────▲  ▲
   └──exit──▶ gone ◀──exit── serving      └──stop (asked again)
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.forkserver import ensure_running

from velox.errors import ConfigurationError
from velox.http.signals import end_with_parent, held_back, leave_at_once, let_through, on_signals

__all__ = ["NEXT", "Failure", "Serve", "State", "Worker", "context", "start_fork_server", "start_worker"]

Serve = Callable[[socket.socket, Callable[[], None]], None]
"""What a worker does with the listening socket; the second argument is called once it serves. It can be pickled."""

_LOST_CODE = 255  # multiprocessing's word for: the fork server is gone, and the exit code with it


class State(Enum):
    """Where a worker is in its life."""

    STARTING = "starting"
    SERVING = "serving"
    LEAVING = "leaving"
    GONE = "gone"


NEXT: Mapping[tuple[State, str], State] = {
    (State.STARTING, "ready"): State.SERVING,
    (State.STARTING, "stop"): State.LEAVING,
    (State.STARTING, "exit"): State.GONE,
    (State.SERVING, "stop"): State.LEAVING,
    (State.SERVING, "exit"): State.GONE,
    (State.LEAVING, "ready"): State.LEAVING,
    (State.LEAVING, "stop"): State.LEAVING,
    (State.LEAVING, "exit"): State.GONE,
}
"""What happens in which state, and the state that follows."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a worker cannot start, in a form that goes through a pipe: a ConfigurationError's parts."""

    code: str
    message: str
    hint: str
    exit_code: int

    def error(self) -> ConfigurationError:
        return ConfigurationError(self.code, self.message, hint=self.hint, exit_code=self.exit_code)


@dataclass(slots=True, eq=False)
class Worker:
    """The parent's end.

    Attributes:
        process: The process.
        line: Where it says that it is ready, or why it cannot be.
        state: Where it is in its life.
        started_s: When it was started, by the monotonic clock.
        kill_at_s: When it is killed if it is still there; None: not.
        failure: Why it could not start, if it said so.
    """

    process: ForkServerProcess
    line: Connection
    state: State = State.STARTING
    started_s: float = field(default_factory=time.monotonic)
    kill_at_s: float | None = None
    failure: Failure | None = None

    def go_on(self, event: str) -> None:
        self.state = NEXT[self.state, event]

    def hear(self) -> None:
        """Read what it has said."""
        try:
            while self.line.poll():
                said = self.line.recv()
                if isinstance(said, Failure):
                    self.failure = said
                else:
                    self.go_on("ready")
        except (EOFError, OSError):  # it ended, perhaps in the middle of a word; its exit is another event
            pass

    def stop(self, within_s: float) -> None:
        """Ask it to drain and end; it is killed if it has not ended ``within_s`` seconds later."""
        self.go_on("stop")
        if self.kill_at_s is None:
            self.kill_at_s = time.monotonic() + within_s
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.process.pid is not None and self.process.exitcode in (None, _LOST_CODE):
            try:
                os.kill(self.process.pid, number)
            except ProcessLookupError:
                pass

    def end(self) -> str:
        """Take note of its end. Returns how it ended, in words."""
        self.hear()
        self.go_on("exit")
        self.line.close()
        self.process.join()
        code = self.process.exitcode or 0
        if code == _LOST_CODE:
            # Nobody can wait for it any more, but it may well serve: then it drains and ends by itself.
            self.signal(signal.SIGTERM)
            return "its fork server was killed"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"


def context() -> ForkServerContext:
    """The way that workers are started."""
    return multiprocessing.get_context("forkserver")


def start_fork_server(preload: Sequence[str]) -> None:
    """Start what workers are forked from, and let it import while this process does something else.

    Args:
        preload: Modules that it imports, so that a worker starts fast; none of the project's, whose newest source is
            wanted.
    """
    context().set_forkserver_preload(list(preload))
    with held_back():
        ensure_running()


def start_worker(context: ForkServerContext, serve: Serve, taken: socket.socket, name: str) -> Worker:
    """Start a worker that serves ``taken``."""
    line, other = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(serve, taken, other), name=name)
    with held_back():
        process.start()
    other.close()
    return Worker(process, line)


def _work(serve: Serve, taken: socket.socket, line: Connection) -> None:
    """The worker's end. It says nothing of its own: the parent prints one reason, and not one for each worker."""
    # What the fork server has imported stays: not looking through it before serving saves 55 of 100 ms of a start, and
    # leaves its memory shared.
    gc.freeze()
    end_with_parent()
    on_signals(leave_at_once)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # means a rolling restart, which is the parent's work
    let_through()
    try:
        serve(taken, lambda: line.send("ready"))
    except ConfigurationError as error:
        line.send(Failure(error.code, error.message, error.hint, error.exit_code))
        sys.exit(error.exit_code)
