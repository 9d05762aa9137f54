"""Kill, stop and cut off workers of every queue, at length, and say what was lost.

python -m benchmarks.chaos.jobs                     10,000 jobs and five kills on each queue, and the other scenarios
python -m benchmarks.chaos.jobs --jobs 500          a short one
python -m benchmarks.chaos.jobs --queues database   only this queue
python -m benchmarks.chaos.jobs --save              write the table in the guide, too, unless something was lost
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.chaos.jobs import scenarios
from benchmarks.chaos.jobs.databases import SERVERS, own_database
from benchmarks.chaos.jobs.post import QUEUES, is_there
from benchmarks.chaos.jobs.saved import PAGE, page
from benchmarks.chaos.jobs.server import has_redis_server

Scenario = Callable[[Path], str]


def main() -> int:
    """Run them; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos.jobs")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--queues", default=",".join(QUEUES))
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/jobs.md")
    given = parser.parse_args()
    failed, answers = False, []
    for name, scenario in chosen(given.queues.split(","), given.jobs, given.kills):
        with tempfile.TemporaryDirectory(prefix="velox-chaos-") as folder:
            try:
                said = scenario(Path(folder) / "chaos")
            except (AssertionError, TimeoutError) as error:
                failed, said = True, f"FAILED: {error}"
        answers.append((name, said))
        print(f"{name:<36}{said}", flush=True)
    if given.save and not failed:
        PAGE.write_text(page(answers, jobs=given.jobs, kills=given.kills), encoding="utf-8")
    return int(failed)


def chosen(queues: list[str], jobs: int, kills: int) -> Iterator[tuple[str, Scenario]]:
    """Names of scenarios, and what they do; without those whose server is not there."""
    for queue in queues:
        if queue != "database" and not is_there(queue):
            print(f"{queue}: no server at {QUEUES[queue]}")
            continue
        yield f"{queue}: kill -9", partial(scenarios.killed, queue=queue, jobs=jobs, kills=kills)
        yield f"{queue}: quiet", partial(scenarios.quiet, queue=queue)
        yield f"{queue}: long job", partial(scenarios.long_job, queue=queue)
        yield f"{queue}: poison", partial(scenarios.poisoned, queue=queue, limit=5)
        yield f"{queue}: outbox", partial(scenarios.outbox, queue=queue)
        yield f"{queue}: garbage", partial(scenarios.garbage, queue=queue)
        yield f"{queue}: SIGTERM", partial(scenarios.stopped, queue=queue, jobs=1000)
        if queue == "database":
            yield from on_servers(jobs, kills)
        else:
            yield f"{queue}: connections cut", partial(scenarios.cut, queue=queue, jobs=2000)
    if "redis" in queues and has_redis_server():
        yield "redis: server killed", partial(scenarios.restarted, jobs=2000)
    yield "schedule: two schedulers", partial(scenarios.scheduled, seconds=20)


def on_servers(jobs: int, kills: int) -> Iterator[tuple[str, Scenario]]:
    """The kills with other databases than SQLite, each an empty one of its own; without those that are not there."""
    for kind in SERVERS:
        with ExitStack() as stack:
            try:
                url = stack.enter_context(own_database(kind))
            except (OSError, ImportError):
                print(f"{kind}: no server at {SERVERS[kind].rpartition('@')[2]}")
                continue
            run = partial(scenarios.killed, queue="database", jobs=jobs, kills=kills, database_url=url)
            yield f"{kind}: kill -9", run


if __name__ == "__main__":
    sys.exit(main())
