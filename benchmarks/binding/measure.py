"""The measurement: every answer compared first, then rounds in which the servers take turns."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence

from benchmarks.binding.cases import CASES, REFUSED, Case, agree
from benchmarks.binding.servers import FASTAPI
from benchmarks.load import Answer, Load, exchange
from benchmarks.server import Server
from benchmarks.summary import Sample

__all__ = ["Disagreement", "check", "cores", "measure"]

Samples = dict[str, dict[str, list[Sample]]]
"""By case, then by server: one sample a round."""

WARM_UP_S = 0.5


class Disagreement(Exception):
    """The servers do not do the same work, so their times mean nothing."""


def cores() -> tuple[int, int]:
    """A core for the servers and one for the client.

    Raises:
        RuntimeError: There is only one.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise RuntimeError("two cores are needed: one for the server, one for the client")
    return usable[-1], usable[0]


def check(servers: Mapping[str, Server]) -> int:
    """Send every request to every server and compare the answers; how many requests were compared.

    Raises:
        Disagreement: Two servers answered differently.
    """
    for case in CASES:
        answers = {name: ask(server, case.request) for name, server in servers.items()}
        if difference := agree(answers, case.status):
            raise Disagreement(f"{case.name}: {difference}")
    for refused in REFUSED:
        for name, server in servers.items():
            status = ask(server, refused.request).status
            if status != refused.status and (refused.by_fastapi or name != FASTAPI):
                raise Disagreement(f"{refused.name}: {name} answered {status}, not {refused.status}")
    return len(CASES) + len(REFUSED)


def ask(server: Server, request: bytes) -> Answer:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        return exchange(connection, request)


def measure(servers: Mapping[str, Server], *, rounds: int, duration_s: float, connections: int) -> Samples:
    """``rounds`` samples of each case on each server; the order of the servers changes from round to round."""
    samples: Samples = {case.name: {name: [] for name in servers} for case in CASES}
    names = list(servers)
    for case in CASES:
        for server in servers.values():
            sample(server, case, WARM_UP_S, connections)
    for number in range(rounds):
        for case in CASES:
            for name in turn(names, number):
                samples[case.name][name].append(sample(servers[name], case, duration_s, connections))
        print(f"round {number + 1} of {rounds}", flush=True)
    return samples


def turn(names: Sequence[str], number: int) -> list[str]:
    """``names``, another one first in each round: who comes first finds the caches of another."""
    start = number % len(names)
    return [*names[start:], *names[:start]]


def sample(server: Server, case: Case, duration_s: float, connections: int) -> Sample:
    load = Load(server.port, case.request, connections)
    try:
        started_s, used_s = time.monotonic(), server.cpu_s()
        answered = load.run(duration_s)
        return Sample(answered, server.cpu_s() - used_s, time.monotonic() - started_s)
    finally:
        load.close()
