"""Ending on SIGTERM and Ctrl-C, at any moment, with exit code 0."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from types import FrameType

__all__ = ["STOPPING", "end_with_parent", "leave_at_once", "on_signals"]

STOPPING = (signal.SIGTERM, signal.SIGINT)


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
