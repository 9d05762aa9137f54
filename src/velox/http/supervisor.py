"""The parent of several workers: it owns the socket, keeps so many workers serving, and serves nothing itself.

supervisor     imports the app for its settings and its ``main_process_*`` listeners; opens nothing
  ├ forkserver has the libraries imported, never the project; a worker is forked from it in a fraction of a second
  ├ worker 0   imports the project (its newest source), opens what it needs, serves the inherited socket
  └ worker 1   …

A connection belongs to the socket until a worker accepts it. So whatever happens to a worker, what it has not accepted
goes to another one, or to its successor. Sanic's own manager is not used: it does not replace a worker that died, and
its ways of stopping and restarting lose connections (sanic/worker/manager.py of 25.12.1).
"""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from velox.errors import EXIT_FAILURE, ConfigurationError
from velox.http.listener import refuse_new
from velox.http.place import Place
from velox.http.restarts import Deaths, RestartPolicy
from velox.http.rollout import Rollout
from velox.http.signals import ends_with_terminal, has_terminal
from velox.http.worker import Serve, State, Worker, context, start_worker

__all__ = ["Plan", "Supervisor"]

logger = logging.getLogger("velox")

_SLOWER = 5.0
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor does.

    Attributes:
        serve: What each worker does.
        workers: How many there are, 1 or more.
        beside: What further processes do, one each; they are kept as the workers are, and serve nothing.
        stop_within_s: How long a worker may take to end before it is killed, in seconds: its grace period and a margin.
        start_within_s: How long a worker may take to become ready before it is killed, in seconds; or five times what
            the boot took, if that is more. The boot itself has no limit: there is nothing to go back to.
        policy: When a dead worker is started again.
    """

    serve: Serve
    workers: int
    beside: tuple[Serve, ...] = ()
    stop_within_s: float = 32.0
    start_within_s: float = 60.0
    policy: RestartPolicy = field(default_factory=RestartPolicy)


class Supervisor:
    """Keeps workers.

    Args:
        plan: What to do.
        taken: The listening socket.
        ready: Called once, when all workers serve.
    """

    def __init__(self, plan: Plan, taken: socket.socket, *, ready: Callable[[], None]) -> None:
        self.plan = plan
        self.taken = taken
        self.ready = ready
        self.places = [Place(number, Deaths(plan.policy)) for number in range(plan.workers + len(plan.beside))]
        self.leaving: list[Worker] = []
        self.rollout: Rollout | None = None
        self.rollout_wanted = False
        self.booted = False
        self.stopping = False
        self.had_terminal = ends_with_terminal()
        self.error: ConfigurationError | None = None
        self._began_s = time.monotonic()
        self._start_within_s = plan.start_within_s
        self._context = context()

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; SIGHUP replaces the workers one by one, if no closed terminal has sent it.

        Raises:
            ConfigurationError: VX105 or what a worker said, when one cannot start at boot; VX107 when they keep dying.
        """
        with _signals() as wake:
            while not self.stopping or self._all():
                self._start_due()
                self._wait(wake)
                for number in _read(wake):
                    self._obey(number)
                for worker in self._all():
                    worker.hear()
                    if not worker.process.is_alive():
                        self._ended(worker)
                self._kill_late()
                self._go_on()
        if self.error is not None:
            raise self.error

    # Who there is

    def start(self, place: Place) -> Worker:
        """Start a worker that is to have ``place``."""
        name, doings = f"velox-worker-{place.number}", (*(self.plan.serve,) * self.plan.workers, *self.plan.beside)
        try:
            worker = start_worker(self._context, doings[place.number], self.taken, name)
        except (EOFError, OSError):  # the fork server was killed just now; another is started
            worker = start_worker(self._context, doings[place.number], self.taken, name)
        if self.booted:
            worker.kill_at_s = worker.started_s + self._start_within_s
        return worker

    def stop(self, worker: Worker) -> None:
        """Ask ``worker`` to drain and end."""
        worker.kill_at_s = None
        worker.stop(self.plan.stop_within_s)
        self.leaving.append(worker)

    def _all(self) -> list[Worker]:
        fresh = [self.rollout.fresh] if self.rollout is not None and self.rollout.fresh is not None else []
        return [*(place.worker for place in self.places if place.worker is not None), *self.leaving, *fresh]

    # What happens

    def _wait(self, wake: socket.socket) -> None:
        workers = self._all()
        times_s = [worker.kill_at_s for worker in workers if worker.kill_at_s is not None]
        if not self.stopping:
            times_s += [place.due_s for place in self.places if place.worker is None]
        timeout_s = max(0.0, min(times_s) - time.monotonic()) if times_s else None
        wait([wake, *(worker.line for worker in workers), *(worker.process.sentinel for worker in workers)], timeout_s)

    def _obey(self, number: int) -> None:
        closed = number == signal.SIGHUP and self.had_terminal and not has_terminal()
        if number in (signal.SIGTERM, signal.SIGINT) or closed:
            self._stop_all()
        elif number == signal.SIGHUP:
            self.rollout_wanted = not self.stopping

    def _ended(self, worker: Worker) -> None:
        how = worker.end()
        if worker in self.leaving:
            self.leaving.remove(worker)
        elif self.rollout is not None and worker is self.rollout.fresh:
            self._abort_rollout(worker, how)
        else:
            self._died(next(place for place in self.places if place.worker is worker), worker, how)

    def _died(self, place: Place, worker: Worker, how: str) -> None:
        place.worker = None
        if not self.booted:
            self._fail(_cannot_start(worker, how))
            return
        delay_s = place.deaths.add(time.monotonic() - worker.started_s)
        why = f" ({worker.failure.message})" if worker.failure is not None else ""
        if delay_s is None:
            limit, early_s = self.plan.policy.limit, self.plan.policy.early_s
            self._fail(
                ConfigurationError(
                    "VX107",
                    f"worker {place.number} died {limit} times within {early_s:g} s of its start; it {how}{why}",
                    hint="Look at what it logged before; memory limits and C extensions kill without a word.",
                )
            )
            return
        soon = f"in {delay_s:g} s" if delay_s else "now"
        who = f"worker {place.number} (pid {worker.process.pid})"
        logger.warning("%s %s%s; starting another %s", who, how, why, soon)
        place.due_s = time.monotonic() + delay_s

    def _fail(self, error: ConfigurationError) -> None:
        """End the server because of ``error``; workers that serve finish what they have."""
        self.error = self.error or error
        self._stop_all()

    def _stop_all(self) -> None:
        if self.stopping:
            return
        self.stopping = True
        refuse_new(self.taken)
        self.taken.close()  # the workers have it too, and the last one to go empties its queue
        if self.rollout is not None and self.rollout.fresh is not None:
            self.stop(self.rollout.fresh)
        self.rollout = None
        for place in self.places:
            if place.worker is not None:
                self.stop(place.worker)
                place.worker = None

    def _start_due(self) -> None:
        for place in self.places:
            if not self.stopping and place.worker is None and place.due_s <= time.monotonic():
                place.worker = self.start(place)

    def _kill_late(self) -> None:
        for worker in self._all():
            if worker.state is State.SERVING:
                worker.kill_at_s = None
            elif worker.kill_at_s is not None and worker.kill_at_s <= time.monotonic():
                logger.warning("killing worker (pid %s): %s for too long", worker.process.pid, worker.state.value)
                worker.kill_at_s = None
                worker.signal(signal.SIGKILL)

    # What follows from it

    def _go_on(self) -> None:
        if not self.booted and all(place.worker and place.worker.state is State.SERVING for place in self.places):
            self.booted = True
            self._start_within_s = max(self._start_within_s, _SLOWER * (time.monotonic() - self._began_s))
            self.ready()
        if self.booted and self.rollout_wanted and self.rollout is None:
            self.rollout_wanted = False
            self.rollout = Rollout(self, list(self.places))
        if self.rollout is not None and not self.rollout.go_on():
            self.rollout = None
            logger.info("replaced all workers")

    def _abort_rollout(self, fresh: Worker, how: str) -> None:
        why = f": {fresh.failure.code} {fresh.failure.message}" if fresh.failure is not None else ""
        logger.warning("the new worker %s before it was ready%s; the old workers go on", how, why)
        self.rollout = None


def _cannot_start(worker: Worker, how: str) -> ConfigurationError:
    if worker.failure is not None:
        return worker.failure.error()
    return ConfigurationError(
        "VX105",
        f"a worker {how} before it was ready",
        hint="Look at what it printed; one worker (--workers 1) shows it best.",
        exit_code=EXIT_FAILURE,
    )


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Signals as bytes on a socket: a loop that waits for processes can wait for them too, and misses none."""
    wake, write = socket.socketpair()
    wake.setblocking(False)
    write.setblocking(False)
    before = signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
    handlers = [(number, signal.signal(number, lambda *_: None)) for number in _HEARD]
    try:
        yield wake
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        wake.close()
        write.close()


def _read(wake: socket.socket) -> bytes:
    try:
        return wake.recv(4096)
    except BlockingIOError:
        return b""
