"""One contender: enqueue, run jobs, and kill its worker. All read from the marks that its jobs leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environment import ROOT
from benchmarks.machine import TICKS_PER_S

__all__ = ["Figures", "Plan", "Trial", "Trouble", "cpu_of_group"]

LINE_BYTES = 28
POLL_S = 0.01
ACK_S = 0.5
"""How long a worker has to acknowledge its last jobs before it is ended."""
PROGRESS_S = 20.0
"""A worker that finishes nothing for so long is given up."""


class Trouble(Exception):
    """A contender cannot be measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many jobs there are, and how long they may take to come back."""

    noops: int = 4000
    busies: int = 2000
    killed: int = 1000
    patience_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one contender; ``*_us`` is CPU time a job, in microseconds."""

    enqueues_per_s: float
    enqueue_us: float
    noops_per_s: float
    noop_us: float
    busies_per_s: float
    busy_us: float
    missing: int
    """Jobs that were not done within the patience after the worker was killed and started again."""
    recovery_s: float
    """From the restart to the last job; without those that are missing."""
    twice: int
    """Jobs that were done more than once."""


class Trial:
    """Measures one contender.

    Args:
        command: Its interpreter and module.
        environment: Its variables.
        folder: Where marks and output are written.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self._command = command
        self._marks, self._output = folder / "marks", folder / "output"
        self._environment = {**environment, "BENCH_MARKS": str(self._marks), "PYTHONPATH": str(ROOT)}
        self._first = self._next = 0

    def run(self, plan: Plan) -> Figures:
        """All of it.

        Raises:
            Trouble: Its enqueuing or its worker fails, or nothing gets done.
        """
        self._work_briefly()
        took = self._enqueue("noop", plan.noops)
        noops_per_s, noop_us = self._work(plan.noops)
        self._enqueue("busy", plan.busies)
        busies_per_s, busy_us = self._work(plan.busies)
        missing, recovery_s, twice = self._killed(plan)
        count = plan.noops - 1
        return Figures(
            count / took["wall_s"], took["cpu_s"] / count * 1e6, noops_per_s, noop_us, busies_per_s, busy_us,
            missing, recovery_s, twice,
        )  # fmt: skip

    def _work_briefly(self) -> None:
        """Once around, so that tables and groups are there."""
        worker = self._start()
        if "procrastinate" in self._command[-1]:
            time.sleep(2.0)  # its worker makes the tables, and who enqueues needs them
        self._enqueue("noop", 1)
        self._until(worker, lambda: len(self._done()) == 1)
        end(worker)

    def _enqueue(self, kind: str, count: int) -> dict[str, float]:
        self._marks.write_bytes(b"")
        given = [*self._command, "enqueue", kind, str(self._next), str(count)]
        self._first, self._next = self._next, self._next + count
        done = subprocess.run(given, env=self._environment, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise Trouble(done.stderr.strip().rpartition("\n")[2])
        took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return took

    def _start(self) -> subprocess.Popen[bytes]:
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [*self._command, "work"],
                env=self._environment, stdout=output, stderr=output, start_new_session=True, cwd=ROOT,
            )  # fmt: skip

    def _work(self, count: int) -> tuple[float, float]:
        """Jobs a second and CPU time a job, from the first job to the last; imports are not counted."""
        worker = self._start()
        try:
            self._until(worker, self._lines)
            cpu_s, before = cpu_of_group(worker.pid), self._lines()
            self._until(worker, lambda: len(self._done()) == count if self._lines() >= count else False)
            cpu_s = cpu_of_group(worker.pid) - cpu_s
            time.sleep(ACK_S)
        finally:
            end(worker)
        times = sorted(self._done().values())
        return (count - 1) / (times[-1] - times[0]), cpu_s / max(1, count - before) * 1e6

    def _killed(self, plan: Plan) -> tuple[int, float, int]:
        """Kill the worker in the middle, start another one, and enqueue nothing more."""
        self._enqueue("busy", plan.killed)
        worker = self._start()
        self._until(worker, lambda: self._lines() >= plan.killed // 3)
        end(worker)
        began_s = time.monotonic()
        worker = self._start()
        while time.monotonic() - began_s < plan.patience_s and len(self._done()) < plan.killed:
            time.sleep(POLL_S * 5)
        end(worker)
        done = self._done()
        return plan.killed - len(done), max(done.values()) - began_s, self._lines() - len(done)

    def _until(self, worker: subprocess.Popen[bytes], holds: Callable[[], object]) -> None:
        seen, since_s = -1, time.monotonic()
        while not holds():
            if (lines := self._lines()) != seen:
                seen, since_s = lines, time.monotonic()
            if worker.poll() is not None or time.monotonic() - since_s > PROGRESS_S:
                end(worker)
                raise Trouble(f"its worker did nothing: {self._output.read_text()[-300:].strip()}")
            time.sleep(POLL_S)

    def _lines(self) -> int:
        return self._marks.stat().st_size // LINE_BYTES if self._marks.exists() else 0

    def _done(self) -> dict[int, float]:
        """When each job of those that were enqueued last was last done."""
        lines = self._marks.read_bytes().splitlines()[: self._lines()]
        times = {int(number): float(at_s) for number, at_s in map(bytes.split, lines)}
        return {number: at_s for number, at_s in times.items() if number >= self._first}


def end(worker: subprocess.Popen[bytes]) -> None:
    """``kill -9`` a worker and all its processes."""
    try:
        os.killpg(worker.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    worker.wait()


def cpu_of_group(group: int) -> float:
    """The CPU time of all processes of a group, in seconds (proc_pid_stat(5))."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S
