"""``python -m benchmarks.db``: measure, print, and with ``--save`` write benchmarks/results/db.*."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.binding.measure import Disagreement, cores
from benchmarks.db.contenders import children, environments, servers
from benchmarks.db.measure import check, measure_children, measure_servers, running
from benchmarks.db.report import Result, markdown, to_json
from benchmarks.db.rows import make
from benchmarks.environment import ROOT
from benchmarks.http import wrk
from benchmarks.http.__main__ import own_s
from benchmarks.machine import Quietness, describe
from benchmarks.server import serving

__all__ = ["main"]

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    """Parse the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.db", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="samples of each case and contender (default: 9)")
    parser.add_argument("--seconds", type=int, default=2, help="length of one sample over HTTP (default: 2)")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections (default: 64)")
    parser.add_argument("--quick", action="store_true", help="one short round: does it run, and roughly how fast")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/db.md and .json")
    arguments = parser.parse_args()
    rounds, duration_s = (1, 1) if arguments.quick else (arguments.rounds, arguments.seconds)
    try:
        result = run(rounds, duration_s, arguments.connections)
    except (Disagreement, RuntimeError, ConnectionError) as error:
        sys.exit(str(error))
    print(markdown(result))
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "db.md").write_text(markdown(result))
        (RESULTS / "db.json").write_text(to_json(result))


def run(rounds: int, duration_s: int, connections: int) -> Result:
    """The whole measurement."""
    wrk.program()
    client_core, server_core = cores()
    ours, theirs, versions = environments()
    quietness = Quietness(own_s, time.monotonic)  # asked when all contenders have ended, and are counted as ours
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        started = {}
        for number, (one, command) in enumerate(children(ours, theirs).items()):
            make(folder / f"child{number}.db")
            started[one] = stack.enter_context(running(command, folder / f"child{number}.db"))
        inside = measure_children(started, rounds)
    os.sched_setaffinity(0, {client_core})
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        found = servers(ours, theirs, versions, Path(name))
        for number in range(len(found)):
            make(Path(name) / f"{number}.db")
        serving_now = {
            one.name: stack.enter_context(serving(one.command, environment=one.environment, core=server_core))
            for one in found
        }
        print(f"{check(serving_now)} requests were answered alike", flush=True)
        over_http = measure_servers(serving_now, rounds=rounds, duration_s=duration_s, connections=connections)
    others = quietness.others()
    load = f"Medians of {rounds} interleaved rounds; over HTTP {duration_s} s each, {connections} keep-alive"
    load += " connections of wrk; server and client each on a core of its own."
    return Result(inside, over_http, versions, describe(), load, others)


if __name__ == "__main__":
    main()
