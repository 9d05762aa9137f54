"""A rolling restart of a server that is one process: it becomes its successor, and a stand-in serves meanwhile.

server ──SIGHUP──▶ starts a stand-in ──it is ready──▶ drains ──▶ exec: the same command, anew ──▶ serves
                        │ it cannot start: the server goes on as it was                              │
stand-in                └─▶ serves the same socket ◀───────────────────── drains and ends ◀──────────┘

The process id stays, since that is what a container or a process manager watches. Two pipes join them: on one the
stand-in says that it serves; on the other it hears that it may go, when the end that the server has is closed. So it
goes also when the server dies.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Self

from velox.http.listener import refuse_new

__all__ = ["Handover", "Inheritance"]

VARIABLE = "_VELOX_HANDOVER"
NONE = -1

logger = logging.getLogger("velox")


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a stand-in or a successor was started with.

    Attributes:
        listening: The descriptor of the listening socket.
        line: A stand-in's end of the pipe by which it may go; a successor's other end of it.
        ready: Where a stand-in says that it serves; -1 for a successor.
        stand_in: A successor's stand-in, by process id; -1 for a stand-in.
    """

    listening: int
    line: int
    ready: int = NONE
    stand_in: int = NONE

    @classmethod
    def take(cls) -> Self | None:
        """What this process was started with; ``None`` if nobody was there before it. To be asked once."""
        text = os.environ.pop(VARIABLE, None)
        if text is None:
            return None
        found = cls(*map(int, text.split(",")))
        signal.signal(signal.SIGHUP, lambda *_: None)  # until it serves: once is enough
        for descriptor in (found.listening, found.line, found.ready):
            if descriptor != NONE:
                os.set_inheritable(descriptor, False)
        return found

    @property
    def is_stand_in(self) -> bool:
        return self.stand_in == NONE

    def variable(self) -> dict[str, str]:
        """The environment to start a process with, so that it finds this."""
        return {VARIABLE: ",".join(map(str, astuple(self)))}

    def socket(self) -> socket.socket:
        """The listening socket."""
        return socket.socket(fileno=self.listening)

    def serves(self) -> None:
        """This process serves from now on: a stand-in says so, a successor lets its stand-in go."""
        if self.is_stand_in:
            try:
                os.write(self.ready, b"1")
            except BrokenPipeError:  # nobody waits any more; the other pipe says so too
                pass
            os.close(self.ready)
            threading.Thread(target=self._wait_for_the_end, name="velox-stand-in", daemon=True).start()
        else:
            threading.Thread(target=self._take_over, name="velox-stand-in").start()

    def dismiss(self) -> None:
        """Let the stand-in go, and wait until it has; its requests in flight have its grace period."""
        os.close(self.line)
        try:
            os.waitpid(self.stand_in, 0)
        except ChildProcessError:
            pass

    def _take_over(self) -> None:
        self.dismiss()
        logger.info("replaced all workers")

    def leave(self) -> None:
        """End before it serves, because of a signal. The stand-in answers whom the kernel has let in."""
        if not self.is_stand_in:
            refuse_new(self.socket())
            self.dismiss()
        os._exit(0)

    def _wait_for_the_end(self) -> None:
        os.read(self.line, 1)  # nothing, when the other end is closed
        os.kill(os.getpid(), signal.SIGTERM)


class Handover:
    """A server's way to its successor.

    Args:
        taken: The listening socket, of which it keeps a copy.
        environment: The process' own, as it was at its start.
    """

    def __init__(self, taken: socket.socket, environment: Mapping[str, str]) -> None:
        self._taken = taken.dup()
        self._environment = dict(environment)
        self._line: int | None = None
        self._stand_in: subprocess.Popen[bytes] | None = None

    async def prepare(self) -> bool:
        """Start the stand-in. Returns whether it serves; if not, everything is as before."""
        here, there = os.pipe()
        hears, says = os.pipe()
        offered = Inheritance(self._taken.fileno(), here, ready=says)
        self._line = there
        try:
            try:
                self._stand_in = subprocess.Popen(  # noqa: ASYNC220 - it takes some ms, once in a server's life
                    command(), env=self._environment | offered.variable(), pass_fds=(offered.listening, here, says)
                )
            finally:
                os.close(says)
            if await next_byte(hears):
                return True
            code = await asyncio.to_thread(self._stand_in.wait)
            logger.warning("the new server exited with code %d before it was ready; the old one goes on", code)
            self._give_up()
        except OSError as error:
            logger.warning("a new server cannot be started (%s); the old one goes on", error)
            self._give_up()
        except asyncio.CancelledError:  # the server itself stops
            if self._stand_in is not None:
                self._stand_in.terminate()
            raise
        finally:
            os.close(here)
            os.close(hears)
        return False

    def close(self) -> None:
        """There is no successor: let a stand-in go, and wait until it has."""
        if self._line is not None and self._stand_in is not None:
            refuse_new(self._taken)
            self._give_up()
            self._stand_in.wait()
        self._taken.close()

    def _give_up(self) -> None:
        if self._line is not None:
            os.close(self._line)
            self._line = None

    def become(self) -> None:
        """Become the successor. It does not return."""
        assert self._line is not None
        assert self._stand_in is not None
        offered = Inheritance(self._taken.fileno(), self._line, stand_in=self._stand_in.pid)
        for descriptor in (offered.listening, offered.line):
            os.set_inheritable(descriptor, True)
        logging.shutdown()
        sys.stdout.flush()
        os.execve(sys.executable, command(), self._environment | offered.variable())  # noqa: S606 - our own command


def command() -> list[str]:
    """The command that this process was started with."""
    return [sys.executable, *sys.orig_argv[1:]]


async def next_byte(descriptor: int) -> bytes:
    """What comes on a pipe; nothing, when its other end is closed."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(descriptor, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1)
