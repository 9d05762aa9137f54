"""The measurement: every answer compared first, then rounds in which the servers take turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.binding.cases import agree, order, request
from benchmarks.binding.measure import Disagreement, ask, turn
from benchmarks.http import wrk
from benchmarks.http.cases import CASES, CHECKED, JSON, PLAINTEXT, TYPED, Case
from benchmarks.http.servers import FLOOR, WATCHED
from benchmarks.load import Answer
from benchmarks.server import Server
from benchmarks.summary import Sample

__all__ = ["Samples", "Timed", "cases_of", "check", "measure"]

UNACCEPTABLE = request("POST", "/orders", order(priority=10))
WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Timed(Sample):
    """One round of one server, with latencies."""

    p50_us: int
    p99_us: int


Samples = Mapping[str, Mapping[str, list[Timed]]]
"""By case, then by server: one sample a round."""


def cases_of(name: str) -> Iterable[Case]:
    """What is measured of server ``name``."""
    return (JSON,) if name == WATCHED else CASES


def check(servers: Mapping[str, Server]) -> int:
    """Send every request to every server and compare the answers; how many requests were compared.

    Raises:
        Disagreement: Two servers answered differently, or one accepts a body that it has to refuse.
    """
    for case in CASES:
        for number in CHECKED:
            # The floor's answers are constants: it knows the first number only.
            asked = [name for name in servers if name != FLOOR or case is not TYPED or number == CHECKED[0]]
            answers = {name: ask(servers[name], case.request(number)) for name in asked}
            if difference := agree_on(case, answers):
                raise Disagreement(f"{case.name}: {difference}")
    for name, server in servers.items():
        status = ask(server, UNACCEPTABLE).status
        if name != FLOOR and not 400 <= status < 500:
            raise Disagreement(f"a field out of range: {name} answered {status}")
    return len(CASES) * len(CHECKED) + 1


def agree_on(case: Case, answers: Mapping[str, Answer]) -> str | None:
    """``None`` when all answers say the same, else what differs."""
    if case is not PLAINTEXT:
        return agree(dict(answers), case.status)
    said = {name: (answer.status, answer.headers.get("content-type"), answer.body) for name, answer in answers.items()}
    bodies = {(status, str(kind).partition(";")[0], body) for status, kind, body in said.values()}
    return None if len(bodies) == 1 else f"different answers: {said}"


def measure(servers: Mapping[str, Server], *, rounds: int, duration_s: int, connections: int) -> Samples:
    """``rounds`` samples of each case on each server; the order of the servers changes from round to round."""
    samples: dict[str, dict[str, list[Timed]]] = {case.name: {} for case in CASES}
    for name, server in servers.items():
        for case in cases_of(name):
            samples[case.name][name] = []
            sample(server, case, WARM_UP_S, connections)
    for number in range(rounds):
        for case in CASES:
            for name in turn(list(samples[case.name]), number):
                samples[case.name][name].append(sample(servers[name], case, duration_s, connections))
        print(f"round {number + 1} of {rounds}", flush=True)
    return samples


def sample(server: Server, case: Case, duration_s: int, connections: int) -> Timed:
    used_s = server.cpu_s()
    load = wrk.run(case.pieces, server.port, connections=connections, duration_s=duration_s, numbers=case.numbers)
    return Timed(load.requests, server.cpu_s() - used_s, load.wall_us / 1e6, load.p50_us, load.p99_us)
