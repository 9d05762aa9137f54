"""``python -m benchmarks.db``: measure, print, and with ``--save`` write benchmarks/results/db.*."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.binding.measure import Disagreement, cores
from benchmarks.db.contenders import children, children_on_server, environments, servers
from benchmarks.db.measure import check, measure_children, measure_servers, running
from benchmarks.db.report import SERVER, SQLITE, Result, markdown, to_json
from benchmarks.db.rows import make
from benchmarks.db.stock import stocked
from benchmarks.environment import ROOT
from benchmarks.http import wrk
from benchmarks.http.__main__ import own_s
from benchmarks.http.measure import Timed
from benchmarks.machine import Quietness, describe
from benchmarks.server import serving
from benchmarks.summary import Sample

__all__ = ["main"]

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    """Parse the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.db", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="samples of each case and contender (default: 5)")
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
    everywhere = os.sched_getaffinity(0)
    inside: dict[str, dict[str, list[Sample]]] = {}
    over_http: dict[str, dict[str, list[Timed]]] = {}
    quietness = Quietness(own_s, time.monotonic)
    others = 0.0
    for where in (SQLITE, SERVER) if _has_server() else (SQLITE,):
        found = children(ours, theirs) if where == SQLITE else children_on_server(ours, theirs)
        with contextlib.ExitStack() as stack:
            places = [stack.enter_context(_place(where)) for _ in found]
            lines = zip(found.items(), places, strict=True)
            started = {name: stack.enter_context(running(command, place)) for (name, command), place in lines}
            inside |= measure_children(started, rounds, where)
        os.sched_setaffinity(0, {client_core})
        with contextlib.ExitStack() as stack:
            places = [stack.enter_context(_place(where)) for _ in range(4 if where == SQLITE else 3)]
            serving_now = {
                one.name: stack.enter_context(serving(one.command, environment=one.environment, core=server_core))
                for one in servers(ours, theirs, versions, places)
            }
            print(f"{where}: {check(serving_now)} requests were answered alike", flush=True)
            over_http |= measure_servers(
                serving_now, rounds=rounds, duration_s=duration_s, connections=connections, where=where
            )
        os.sched_setaffinity(0, everywhere)
        if where == SQLITE:
            # All contenders have ended, and are counted as ours; PostgreSQL itself would be one of the others.
            others = quietness.others()
    load = f"Medians of {rounds} interleaved rounds; over HTTP {duration_s} s each, {connections} keep-alive"
    load += " connections of wrk; server and client each on a core of its own."
    return Result(inside, over_http, versions, describe(), load, others)


@contextlib.contextmanager
def _place(where: str) -> Iterator[str]:
    """A new database with the rows."""
    if where == SERVER:
        with stocked() as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as name:
        make(Path(name) / "heroes.db")
        yield f"{name}/heroes.db"


def _has_server() -> bool:
    try:
        with stocked():
            return True
    except OSError:
        print("there is no PostgreSQL: SQLite alone is measured", flush=True)
        return False


if __name__ == "__main__":
    main()
