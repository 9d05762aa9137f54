"""``python -m benchmarks.http``: measure, print, and with ``--save`` write benchmarks/results/http.* and README.md."""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import sys
import time
from collections.abc import Sequence

from benchmarks.binding.measure import Disagreement, cores
from benchmarks.environment import ROOT
from benchmarks.http import wrk
from benchmarks.http.measure import check, measure
from benchmarks.http.report import Result, markdown, svg, to_json, with_results
from benchmarks.http.servers import NAMES, contenders
from benchmarks.machine import Quietness, describe
from benchmarks.server import serving

__all__ = ["main"]

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    """Parse the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="samples of each case on each server (default: 5)")
    parser.add_argument("--seconds", type=int, default=2, help="length of one sample (default: 2)")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections (default: 64)")
    parser.add_argument(
        "--quick", action="store_true", help="one round of one second: does it run, and roughly how fast"
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="only servers with this in their names; repeatable",
    )
    parser.add_argument(
        "--save",
        action="store_true",
        help="write benchmarks/results/http.md, .json and .svg, and the table in README.md",
    )
    arguments = parser.parse_args()
    if arguments.save and arguments.only:
        parser.error("results that are kept are those of all servers")
    rounds, duration_s = (1, 1) if arguments.quick else (arguments.rounds, arguments.seconds)
    try:
        result = run(rounds, duration_s, arguments.connections, arguments.only or [""])
    except (Disagreement, RuntimeError, ConnectionError) as error:
        sys.exit(str(error))
    print(markdown(result))
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "http.md").write_text(markdown(result))
        (RESULTS / "http.json").write_text(to_json(result))
        (RESULTS / "http.svg").write_text(svg(result))
        readme = ROOT / "README.md"
        readme.write_text(with_results(readme.read_text(), result))


def run(rounds: int, duration_s: int, connections: int, only: Sequence[str]) -> Result:
    """The whole measurement, in ``rounds`` rounds of samples of ``duration_s`` each, of servers with one of ``only``
    in their names.

    Raises:
        RuntimeError: There is no such server.
    """
    wrk.program()
    client_core, server_core = cores()  # the servers on the first, the client on the second
    found = [one for one in contenders() if any(part.lower() in one.name.lower() for part in only)]
    if not found:
        raise RuntimeError(f"no server is called like {', '.join(only)}; there are: {', '.join(NAMES)}")
    os.sched_setaffinity(0, {client_core})
    with contextlib.ExitStack() as stack:
        servers = {
            one.name: stack.enter_context(serving(one.command, environment=one.environment, core=server_core))
            for one in found
        }
        memory_bytes = {name: server.worker_bytes() for name, server in servers.items()}
        print(f"{check(servers)} requests were answered alike", flush=True)
        quietness = Quietness(lambda: own_s() + sum(server.cpu_s() for server in servers.values()), time.monotonic)
        samples = measure(servers, rounds=rounds, duration_s=duration_s, connections=connections)
        others = quietness.others()
    load = f"Medians of {rounds} interleaved rounds of {duration_s} s, {connections} keep-alive connections of wrk,"
    load += " no pipelining; server and client each on a core of its own."
    versions = {name: version for one in found for name, version in one.versions.items()}
    return Result(samples, memory_bytes, versions, describe(), load, others)


def own_s() -> float:
    """CPU time of this process and of the runs of wrk that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


if __name__ == "__main__":
    main()
