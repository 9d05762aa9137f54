"""The measurement: every answer compared first, then rounds in which the contenders take turns."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.binding.cases import agree
from benchmarks.binding.measure import Disagreement, ask, turn
from benchmarks.db.cases import GET, INSERT, OPERATIONS, PAGE, REQUESTS, Operation
from benchmarks.db.contenders import BUILT
from benchmarks.db.rows import ROWS
from benchmarks.environment import ROOT
from benchmarks.http.measure import Timed, sample
from benchmarks.load import Answer
from benchmarks.server import Server
from benchmarks.summary import Sample

__all__ = ["Child", "check", "measure_children", "measure_servers", "running"]

WARM_UP_S = 2


class Child:
    """A contender in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.shown: Any = self._answer()
        """What it reads, for comparing."""

    def run(self, method: str, count: int, tasks: int) -> Sample:
        """Let it work; the CPU time is its own."""
        assert self._process.stdin is not None
        print(method, count, tasks, file=self._process.stdin, flush=True)
        return Sample(count, *self._answer())

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended before its work")
        return json.loads(line)


@contextlib.contextmanager
def running(command: Sequence[str | Path], place: str) -> Iterator[Child]:
    """A contender on the database at ``place``; it ends with the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [*command, place, str(ROWS)]
    with subprocess.Popen(
        line, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def measure_children(children: Mapping[str, Child], rounds: int, where: str) -> dict[str, dict[str, list[Sample]]]:
    """By operation, then by contender: one sample a round.

    Raises:
        Disagreement: They do not read the same.
    """
    if any(child.shown != next(iter(children.values())).shown for child in children.values()):
        raise Disagreement(f"different rows: { {name: child.shown[0] for name, child in children.items()} }")
    samples: dict[str, dict[str, list[Sample]]] = {}
    for operation in OPERATIONS:
        found = samples[f"{where}: {operation.name}"] = {name: [] for name in children if does(name, operation)}
        for name in found:
            children[name].run(operation.method, operation.count, operation.tasks)
        for number in range(rounds):
            for name in turn(list(found), number):
                found[name].append(children[name].run(operation.method, operation.count, operation.tasks))
        print(f"{where}: {operation.name}: {rounds} rounds", flush=True)
    return samples


def does(name: str, operation: Operation) -> bool:
    """Whether contender ``name`` does ``operation`` in a way of its own."""
    return name != BUILT or operation.method == "list"


def check(servers: Mapping[str, Server]) -> int:
    """Compare the answers to every request; how many requests were compared.

    Raises:
        Disagreement: Two servers answered differently.
    """
    for case, number in ((GET, 1), (GET, 77), (PAGE, 1), (INSERT, 1), (INSERT, 1), (GET, 10_002)):
        answers = {name: ask(server, case.request(number)) for name, server in servers.items()}
        if difference := agree(answers, case.status):
            raise Disagreement(f"{case.name}: {difference}")
    missing = {name: _status(server, GET.request(10**6)) for name, server in servers.items()}
    if set(missing.values()) != {404}:
        raise Disagreement(f"a key that is not there: {missing}")
    return 7


def _status(server: Server, asked: bytes) -> int:
    answer: Answer = ask(server, asked)
    return answer.status


def measure_servers(
    servers: Mapping[str, Server], *, rounds: int, duration_s: int, connections: int, where: str
) -> dict[str, dict[str, list[Timed]]]:
    """By request, then by server: one sample a round."""
    samples: dict[str, dict[str, list[Timed]]] = {}
    for case in REQUESTS:
        found = samples[f"{where}: {case.name}"] = {name: [] for name in servers}
        for server in servers.values():
            sample(server, case, WARM_UP_S, connections)
        for number in range(rounds):
            for name in turn(list(servers), number):
                found[name].append(sample(servers[name], case, duration_s, connections))
        print(f"{where}, HTTP: {case.name}: {rounds} rounds", flush=True)
    return samples
