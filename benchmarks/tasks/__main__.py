"""``python -m benchmarks.tasks``: measure, print, and with ``--save`` write benchmarks/results/tasks.*."""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.chaos.jobs.databases import SERVERS, own_database
from benchmarks.chaos.jobs.server import OwnRedis, has_redis_server
from benchmarks.environment import ROOT
from benchmarks.http.__main__ import own_s
from benchmarks.machine import Quietness, describe
from benchmarks.tasks.contenders import CONTENDERS, Contender, environments
from benchmarks.tasks.measure import Figures, Plan, Trial, Trouble
from benchmarks.tasks.report import Row, markdown, to_json

__all__ = ["main"]

RESULTS = ROOT / "benchmarks" / "results"
QUICK = Plan(noops=500, busies=300, killed=200, patience_s=12.0)


def main() -> None:
    """Parse the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tasks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few jobs: does it run, and roughly how fast")
    parser.add_argument("--only", default="", help="contenders whose name begins with this")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/tasks.md and .json")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else Plan()
    chosen = [each for each in CONTENDERS if each.name.lower().startswith(arguments.only.lower())]
    pythons, versions = environments()
    quietness, rows = Quietness(own_s, time.monotonic), []
    for contender in chosen:
        print(f"{contender.name} on {contender.queue} ...", flush=True)
        try:
            row = Row(contender.name, contender.queue, measured(contender, pythons, plan))
        except Trouble as trouble:
            row = Row(contender.name, contender.queue, None, str(trouble))
        rows.append(row)
        print(f"    {row.figures or row.trouble}", flush=True)
    result = (rows, plan, versions, describe(), quietness.others())
    print(markdown(*result))
    if arguments.save:
        (RESULTS / "tasks.md").write_text(markdown(*result), encoding="utf-8")
        (RESULTS / "tasks.json").write_text(to_json(*result), encoding="utf-8")


def measured(contender: Contender, pythons: Mapping[str, Path], plan: Plan) -> Figures:
    """One contender on a queue of its own, which is gone afterwards.

    Raises:
        Trouble: It cannot be measured.
    """
    if contender.environment not in pythons:
        raise Trouble("it could not be installed")
    with tempfile.TemporaryDirectory(prefix="velox-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(queue(contender.queue, folder))
        on_broker = contender.queue == "redis"
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("VELOX_")},
            **contender.further,
            "BENCH_NAME": f"bench{secrets.token_hex(4)}",
            "BENCH_URL": url,
            "BENCH_QUEUE": url if on_broker else "",
            "BENCH_DATABASE": f"sqlite:///{folder / 'bench.db'}" if on_broker else url,
        }
        command = [str(pythons[contender.environment]), "-m", f"benchmarks.tasks.{contender.module}"]
        return Trial(command, environment, folder).run(plan)


@contextmanager
def queue(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty queue."""
    match kind:
        case "redis":
            if not has_redis_server():
                raise Trouble("there is no redis-server")
            with OwnRedis(folder / "redis", sync="everysec") as server:
                yield server.url
        case "postgresql":
            with ExitStack() as stack:
                try:
                    url = stack.enter_context(own_database(kind))
                except (ImportError, OSError) as error:
                    raise Trouble(f"there is no server at {SERVERS[kind].rpartition('@')[2]}") from error
                yield url
        case _:
            yield f"sqlite:///{folder / 'bench.db'}"


if __name__ == "__main__":
    main()
