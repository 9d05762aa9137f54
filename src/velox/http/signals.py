"""Ending on SIGTERM and Ctrl-C, at any moment, with exit code 0."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType

__all__ = [
    "STOPPING",
    "end_with_parent",
    "ends_with_terminal",
    "has_terminal",
    "held_back",
    "hold",
    "leave_at_once",
    "let_through",
    "on_signals",
]

STOPPING = (signal.SIGTERM, signal.SIGINT)
HEARD = (*STOPPING, signal.SIGHUP)


def on_signals(act: Callable[[], None]) -> None:
    """Call ``act`` on SIGTERM and SIGINT from now on."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        act()

    for number in STOPPING:
        signal.signal(number, handle)


def leave_at_once() -> None:
    """For the time before the server runs: no request is in flight, and an exception could be caught on its way by an
    import or a start-up step."""
    sys.stdout.flush()
    os._exit(0)


def ends_with_terminal() -> bool:
    """Whether this process has a terminal whose end is its own; ``nohup`` says that it is not."""
    return signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and has_terminal()


def has_terminal() -> bool:
    """Whether there is a terminal that can send signals, and has not been closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def held_back() -> Iterator[None]:
    """Signals wait inside, also for processes started in here until these let them through.

    The fork server is started so: whoever signals all of the server's processes at once (systemd, or a terminal that is
    closed) must not end it, since the workers' exit codes come through it. A worker ends with :func:`let_through`, and
    so misses none.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hold() -> None:
    """Let signals wait, for a program that this process becomes."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)


def let_through() -> None:
    """Hear signals, those :func:`held_back` until now too."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def end_with_parent() -> None:
    """Leave the terminal's process group, so that Ctrl-C reaches the parent alone and this process is stopped once, by
    the parent; and stop also when the parent is gone without a word (``kill -9``)."""
    os.setpgid(0, 0)
    threading.Thread(target=_stop_after_parent, name="velox-parent-watch", daemon=True).start()


def _stop_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
