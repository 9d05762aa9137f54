"""``python -m benchmarks.ml``: the Titanic's models behind Velox and its peers, answers compared first.

With ``--save`` it writes benchmarks/results/ml.md and .json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.binding.measure import Disagreement, ask, cores, turn
from benchmarks.environment import ROOT
from benchmarks.http import wrk
from benchmarks.http.__main__ import own_s
from benchmarks.http.measure import Timed
from benchmarks.machine import Quietness, describe
from benchmarks.ml.cases import DIALECTS, MODELS, ROW
from benchmarks.ml.inside import inside, pages
from benchmarks.ml.models import parity, write
from benchmarks.ml.servers import APART, PEERS, contenders
from benchmarks.server import Server, serving
from benchmarks.summary import summarise, table

__all__ = ["main"]

RESULTS = ROOT / "benchmarks" / "results"
CHECKED = (
    ROW,
    {**ROW, "sex": "female", "pclass": 1},
    {**ROW, "age": None},
    {**ROW, "fare": 512.3292, "age": 0.1667},
)
CLOSE = 1e-9
WARM_UP_S = 2


def main() -> None:
    """Parse the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ml", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="samples of each model on each server (default: 5)")
    parser.add_argument("--seconds", type=int, default=4, help="length of one sample (default: 4)")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections (default: 64)")
    parser.add_argument("--rows", type=int, default=100_000, help="rows to compare with scikit-learn (default: 100000)")
    parser.add_argument("--only", default=",".join(DIALECTS), help="servers, with commas between")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/ml.md and .json")
    arguments = parser.parse_args()
    try:
        text, document = run(arguments)
    except (Disagreement, RuntimeError, ConnectionError) as error:
        sys.exit(str(error))
    print(text)
    if arguments.save:
        (RESULTS / "ml.md").write_text(text)
        (RESULTS / "ml.json").write_text(json.dumps(document, indent=1) + "\n")


def run(arguments: argparse.Namespace) -> tuple[str, dict[str, object]]:
    """The whole measurement: the page, and every sample."""
    wrk.program()
    client_core, server_core = cores()
    lines = ["# Models", "", "A row of the Titanic a request, answered with both probabilities. Written by"]
    lines += ["`python -m benchmarks.ml --save`. All answers were compared before anything was timed.", ""]
    document: dict[str, object] = {"machine": describe()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder)
        for model, (labels, difference) in parity(folder, arguments.rows).items():
            text = f"labels differ in {labels} of {arguments.rows:,} rows, probabilities by {difference:.1e} at most"
            lines.append(f"- {model}: compared with scikit-learn, {text}.")
        within = {model: inside(folder, model) for model in MODELS}
        os.sched_setaffinity(0, {client_core})
        versions: dict[str, str] = {}
        for model in MODELS:
            samples, memory, others, found = measure(folder, model, arguments, server_core)
            versions |= found
            document[model] = {name: [asdict(sample) for sample in each] for name, each in samples.items()}
            document[f"{model} in process"] = within[model]
            lines += ["", f"## {model}", "", page(samples, memory), "", pages(within[model])]
            print(page(samples, memory), pages(within[model]), sep="\n\n", flush=True)
            lines += ["", f"Others used {others:.0%} of the machine meanwhile."]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    load = f"Medians of {arguments.rounds} interleaved rounds of {arguments.seconds} s, "
    load += f"{arguments.connections} connections of wrk"
    return "\n".join([*lines, "", f"{load}; {describe()}. {said}.", ""]), document


def measure(
    folder: Path, model: str, arguments: argparse.Namespace, core: int
) -> tuple[Mapping[str, Sequence[Timed]], Mapping[str, int], float, Mapping[str, str]]:
    """Samples and memory by server, what others used of the machine, and versions."""
    found = [one for one in contenders(folder, model) if one.name in arguments.only.split(",")]
    samples: dict[str, list[Timed]] = {one.name: [] for one in found}
    with contextlib.ExitStack() as stack:
        servers = {
            one.name: stack.enter_context(serving(one.command, environment=one.environment, core=core)) for one in found
        }
        check(servers, model)
        for name, server in servers.items():
            sample(name, server, model, WARM_UP_S, arguments.connections)
        quietness = Quietness(lambda: own_s() + sum(server.cpu_s() for server in servers.values()), time.monotonic)
        for number in range(arguments.rounds):
            for name in turn(list(servers), number):
                samples[name].append(sample(name, servers[name], model, arguments.seconds, arguments.connections))
            print(f"{model}: round {number + 1} of {arguments.rounds}", flush=True)
        memory = {name: server.worker_bytes() for name, server in servers.items()}
        versions = {
            name: version for one in found for name, version in one.versions.items() if name in (*PEERS, *APART, *OURS)
        }
        return samples, memory, quietness.others(), versions


OURS = ("python", "velox-framework", "sanic")


def check(servers: Mapping[str, Server], model: str) -> None:
    """Ask every server for the same rows.

    Raises:
        Disagreement: One answers with other probabilities.
    """
    for row in CHECKED:
        answers = {}
        for name, server in servers.items():
            answer = ask(server, DIALECTS[name].ask(model, row))
            if answer.status != 200:
                raise Disagreement(f"{name} answered {answer.status}: {answer.body[:300]!r}")
            answers[name] = DIALECTS[name].read(json.loads(answer.body))
        first = next(iter(answers.values()))
        if any(abs(a - b) > CLOSE for each in answers.values() for a, b in zip(each, first, strict=True)):
            raise Disagreement(f"different answers: {answers}")


def sample(name: str, server: Server, model: str, duration_s: int, connections: int) -> Timed:
    used_s = server.cpu_s()
    request = DIALECTS[name].ask(model, ROW)
    try:
        load = wrk.run((request,), server.port, connections=connections, duration_s=duration_s)
    except ConnectionError as error:
        raise ConnectionError(f"{model} on {name}: {error}") from None
    return Timed(load.requests, server.cpu_s() - used_s, load.wall_us / 1e6, load.p50_us, load.p99_us)


def page(samples: Mapping[str, Sequence[Timed]], memory: Mapping[str, int]) -> str:
    """The table of one model, the fastest first."""
    found = {name: summarise(each) for name, each in samples.items()}
    best = min(found.values(), key=lambda one: one.cpu_us)
    rows = [
        [
            name,
            f"{one.per_s:,.0f}",
            f"{one.cpu_us:,.0f}",
            f"{one.cpu_us / best.cpu_us:.1f}",
            f"{median(each.p50_us for each in samples[name]) / 1000:.1f}",
            f"{median(each.p99_us for each in samples[name]) / 1000:.1f}",
            f"{memory[name] / 1e6:.0f}",
        ]
        for name, one in sorted(found.items(), key=lambda pair: pair[1].cpu_us)
    ]
    return table(
        ["server", "requests a second", "CPU µs a request", "ratio", "p50 ms", "p99 ms", "largest process MB"], rows
    )


if __name__ == "__main__":
    main()
