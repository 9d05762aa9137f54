"""Kill, stop and restart servers under load, many times, and count what clients lost.

python -m benchmarks.chaos              every scenario, 10 runs each
python -m benchmarks.chaos --runs 2     a short one
python -m benchmarks.chaos --only kill  those whose name has "kill" in it
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

from benchmarks.chaos.hostile import KINDS, attack
from benchmarks.chaos.latency import Latency
from benchmarks.chaos.running import Running, write_project
from benchmarks.chaos.traffic import Traffic

ENOUGH = 200
BOOTS = 20
BOOT_S = 2.0
SLOW_RUNS = 3
SLOW_CLIENTS = 400
QUIET_S = 5.0
# The default budgets, and what a sweep may be late.
CLOSED_WITHIN_S = {"slow head": 12.0, "slow body": 14.0, "slow reader": 34.0}
MAX_RATIO = 2.0
REPLACED_WITHIN_S = 1.0  # of a machine that has a core for it


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run.

    Attributes:
        lost: What clients lost.
        answered: What they got.
        refused: How often they were turned away.
        took_s: How long the server took for what was asked of it, in seconds.
        note: What else there is to say.
    """

    lost: tuple[str, ...] = ()
    answered: int = 0
    refused: int = 0
    took_s: float = 0.0
    note: str = ""


Scenario = Callable[[Path], Outcome]


def main() -> int:
    """Run them; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    failed = False
    print(f"{'scenario':<44}{'runs':>5}{'answered':>10}{'refused':>9}{'lost':>6}{'median s':>10}{'worst s':>9}")
    for name, scenario in scenarios().items():
        if given.only in name:
            runs = BOOTS if "boot" in name else SLOW_RUNS if "slow" in name else given.runs
            failed |= report(name, [run(scenario) for _ in range(min(runs, 2 * given.runs))])
    return int(failed)


def scenarios() -> dict[str, Scenario]:
    """Their names, and what they do."""
    found: dict[str, Scenario] = {}
    for workers, keep_alive in product((1, 4), (True, False)):
        kind = "keep-alive" if keep_alive else "close"
        found[f"SIGTERM, {workers} workers, {kind}"] = partial(stopped, workers=workers, keep_alive=keep_alive)
    for workers, keep_alive in product((1, 2, 4), (True, False)):
        kind = "keep-alive" if keep_alive else "close"
        found[f"SIGHUP, {workers} workers, {kind}"] = partial(restarted, workers=workers, keep_alive=keep_alive)
    found["kill -9 of one of 2 workers, close"] = killed
    for workers in (1, 4):
        found[f"SIGTERM while booting, {workers} workers"] = partial(stopped_in_boot, workers=workers)
    for name in KINDS:
        found[f"{SLOW_CLIENTS} x {name}"] = partial(held, kind=name)
    return found


def run(scenario: Scenario) -> Outcome:
    """In a project of its own."""
    with tempfile.TemporaryDirectory(prefix="velox-chaos-") as folder:
        return scenario(write_project(Path(folder) / "chaos"))


def report(name: str, outcomes: list[Outcome]) -> bool:
    """Print a line, and what was lost. Returns whether anything was."""
    lost = [event for outcome in outcomes for event in outcome.lost]
    answered, refused = sum(each.answered for each in outcomes), sum(each.refused for each in outcomes)
    times_s = [outcome.took_s for outcome in outcomes]
    print(
        f"{name:<44}{len(outcomes):>5}{answered:>10}{refused:>9}{len(lost):>6}"
        f"{median(times_s):>10.2f}{max(times_s):>9.2f}",
        flush=True,
    )
    for line in (*(each.note for each in outcomes if each.note), *lost):
        print(f"    {line}")
    return bool(lost)


def stopped(project: Path, *, workers: int, keep_alive: bool) -> Outcome:
    """SIGTERM under load."""
    with running(project, "--workers", str(workers)) as server:
        server.until_ready()
        with Traffic(server.port, keep_alive=keep_alive) as traffic:
            server.until(lambda: traffic.answered > ENOUGH)
            server.process.send_signal(signal.SIGTERM)
            took_s = server.until(lambda: server.process.poll() is not None)
        return outcome(traffic, took_s, server)


def restarted(project: Path, *, workers: int, keep_alive: bool) -> Outcome:
    """A rolling restart under load; being refused is a loss too."""
    with running(project, "--workers", str(workers)) as server:
        server.until_ready()
        with Traffic(server.port, keep_alive=keep_alive) as traffic:
            server.until(lambda: traffic.answered > ENOUGH)
            server.process.send_signal(signal.SIGHUP)
            took_s = server.until(lambda: "replaced all workers" in server.output)
            seen = traffic.answered
            server.until(lambda: traffic.answered > seen + ENOUGH)
        traffic.lost += ["refused"] * traffic.refused
        server.stop()
        return outcome(traffic, took_s, server)


def killed(project: Path) -> Outcome:
    """The time until the place of a killed worker answers again; what it had accepted is gone with it."""
    with running(project, "--workers", "2") as server:
        server.until_ready()
        before = server.workers(2)
        os.kill(min(before), signal.SIGKILL)
        took_s = server.until(lambda: server.worker() not in before)
        after = server.workers(2) - before
        cpu_s = sum(map(cpu_time_s, after))
        server.stop()
        late = [f"{took_s:.2f} s until its place answered"] if took_s > REPLACED_WITHIN_S else []
        return Outcome(tuple(late), took_s=took_s, note=f"its successor had taken {cpu_s:.2f} s of CPU time")


def stopped_in_boot(project: Path, *, workers: int) -> Outcome:
    """SIGTERM at a random moment between the first handler and a served second."""
    with running(project, "--workers", str(workers)) as server:
        server.until(server.hears_sigterm)
        try:
            server.process.wait(random.uniform(0, BOOT_S))
        except subprocess.TimeoutExpired:
            pass  # it boots, or serves
        server.process.send_signal(signal.SIGTERM)
        took_s = server.until(lambda: server.process.poll() is not None)
        server.until(server.is_gone)
        return Outcome(lost=blemishes(server), took_s=took_s)


def held(project: Path, *, kind: str) -> Outcome:
    """Hundreds of slow clients, which are all closed on in time while others are served as before."""
    with running(project, "--workers", "1") as server:
        server.until_ready()
        with Latency(server.port) as quiet:
            time.sleep(QUIET_S)
        before_bytes = server.memory_bytes()
        # In another process: its work would be seen as the server's.
        with Latency(server.port) as busy, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            limit_s = CLOSED_WITHIN_S[kind]
            found = pool.submit(attack, server.port, KINDS[kind], clients=SLOW_CLIENTS, for_s=limit_s).result()
        grown_mib = (server.memory_bytes() - before_bytes) / 2**20
        server.stop()
        ratio = busy.usual_p99_s() / quiet.usual_p99_s()
        lost = [
            *quiet.failed,
            *busy.failed,
            *blemishes(server),
            *[f"{found.still_open} held open"] * bool(found.still_open),
        ]
        if ratio > MAX_RATIO:
            lost.append(f"99 of 100 usual requests took up to {ratio:.1f} times as long as before")
        usual = f"{1000 * quiet.usual_p99_s():.1f} ms before, {1000 * busy.usual_p99_s():.1f} ms meanwhile"
        outliers = f"{1000 * busy.p99_s():.1f} ms with its outliers"
        closed = f"{len(found.closed_after_s)} closed, memory {grown_mib:+.0f} MiB"
        note = f"p99 of others: {usual} ({outliers}); {closed}"
        return Outcome(tuple(lost), len(busy.took_s), took_s=max(found.closed_after_s, default=0.0), note=note)


def outcome(traffic: Traffic, took_s: float, server: Running) -> Outcome:
    lost = (*traffic.lost, *blemishes(server))
    return Outcome(lost, answered=traffic.answered, refused=traffic.refused, took_s=took_s)


def cpu_time_s(pid: int) -> float:
    """What process ``pid`` has used, user and system, in seconds (fields 14 and 15 of proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def blemishes(server: Running) -> tuple[str, ...]:
    """What a clean end does not have."""
    code = server.process.wait()
    found = [f"exit code {code}"] if code else []
    return (*found, *(["a traceback:\n" + server.output] if "Traceback" in server.output else []))


@contextmanager
def running(project: Path, *options: str) -> Iterator[Running]:
    """A server that leaves nothing behind."""
    server = Running(project, *options)
    try:
        yield server
    finally:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
