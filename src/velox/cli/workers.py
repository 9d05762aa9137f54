"""Sanic's worker manager without its ways to hang and to kill its neighbours (seen in Sanic 25.12.1)."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import Any, ClassVar

from sanic.exceptions import ServerKilled
from sanic.worker.manager import WorkerManager

__all__ = ["Workers"]

_EARLY = "__TERMINATE_EARLY__"
_POLL_S = 0.1
_STEP_S = 0.02
_MARGIN_S = 2.0


class Workers(WorkerManager):
    """Stops cleanly also while it boots, and always ends."""

    grace_s: ClassVar[float] = 30.0
    """How long workers may take to finish their requests, in seconds; then they are killed."""
    stop_wanted: ClassVar[bool] = False
    """Whether a signal to stop came before there was a manager to get it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if self.stop_wanted:
            self.monitor_publisher.send(None)
            self.shutdown()

    def start(self) -> None:
        """Start the workers; Ctrl-C is ours to hear, and they would answer it with a traceback while they import."""
        if self._shutting_down:
            return
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        super().start()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGINT, heard)

    def wait_for_ack(self) -> None:
        """Wait for every worker. The original puts each message back and reads it again, the one to stop included."""
        held = []
        for _ in range(self.THRESHOLD):
            if self._shutting_down or self._all_workers_ack():  # type: ignore[no-untyped-call]
                break
            if self.monitor_subscriber.poll(_POLL_S):
                message = self.monitor_subscriber.recv()
                if message == _EARLY:
                    self.kill()
                held.append(message)
        else:
            self.kill()
        for message in held:
            self.monitor_publisher.send(message)

    def shutdown(self) -> None:
        """Ask the workers to stop. The original sends SIGINT: a KeyboardInterrupt in the middle of an import."""
        self._signal_all(signal.SIGTERM)
        self._shutting_down = True

    def join(self) -> None:
        """Wait for the workers' end, and see to it. The original waits for ever."""
        deadline_s = time.monotonic() + self.grace_s + _MARGIN_S
        while self._shutting_down and any(process.is_alive() for process in self.processes):
            if time.monotonic() > deadline_s:
                self._signal_all(signal.SIGKILL)
            time.sleep(_STEP_S)
        super().join()  # type: ignore[no-untyped-call]

    def kill(self) -> None:
        """Kill the workers. The original kills their process group, which is also ours and our caller's."""
        self._signal_all(signal.SIGKILL)
        raise ServerKilled

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)
