"""``python -m benchmarks.binding``: measure, print, and with ``--save`` write benchmarks/results/binding.*."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time

from benchmarks.binding import in_process
from benchmarks.binding.measure import Disagreement, check, cores, measure
from benchmarks.binding.report import Result, markdown, to_json
from benchmarks.binding.servers import contenders
from benchmarks.environment import ROOT
from benchmarks.machine import Quietness, describe
from benchmarks.server import serving

__all__ = ["main"]

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    """Parse the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.binding", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="samples of each case on each server (default: 9)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of one sample (default: 1.5)")
    parser.add_argument("--connections", type=int, default=32, help="keep-alive connections (default: 32)")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/binding.md and .json")
    parser.add_argument("--in-process", action="store_true", help="no sockets: the handlers alone, and a profile")
    arguments = parser.parse_args()
    if arguments.in_process:
        in_process.main()
        return
    try:
        result = run(arguments.rounds, arguments.seconds, arguments.connections)
    except (Disagreement, RuntimeError) as error:
        sys.exit(str(error))
    print(markdown(result))
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "binding.md").write_text(markdown(result))
        (RESULTS / "binding.json").write_text(to_json(result))


def run(rounds: int, duration_s: float, connections: int) -> Result:
    """The whole measurement, in ``rounds`` rounds of samples of ``duration_s`` each."""
    server_core, client_core = cores()
    found = contenders()
    os.sched_setaffinity(0, {client_core})
    with contextlib.ExitStack() as stack:
        servers = {
            one.name: stack.enter_context(serving(one.command, environment=one.environment, core=server_core))
            for one in found
        }
        print(f"{check(servers)} requests were answered alike", flush=True)
        quietness = Quietness(
            lambda: time.process_time() + sum(server.cpu_s() for server in servers.values()), time.monotonic
        )
        samples = measure(servers, rounds=rounds, duration_s=duration_s, connections=connections)
        others = quietness.others()
    load = f"Medians of {rounds} interleaved rounds of {duration_s} s, {connections} keep-alive connections,"
    load += " no pipelining; server and client each on a core of its own."
    machine = f"{describe()}, of which others used {others:.0%} meanwhile"
    versions = {name: version for one in found for name, version in one.versions.items()}
    return Result(samples, versions, machine, load)


if __name__ == "__main__":
    main()
