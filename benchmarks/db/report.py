"""The results as Markdown for readers, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.db.cases import GET, INSERT, OPERATIONS, PAGE
from benchmarks.db.contenders import FASTAPI, NAIVE, NAIVE_ON_SERVER, POOL, RAW, READER, SESSION, VELOX
from benchmarks.http.report import verdict, warning
from benchmarks.summary import Sample, paired_ratio, summarise, table

__all__ = ["SERVER", "SQLITE", "TARGETS", "Result", "Target", "markdown", "to_json"]

SQLITE, SERVER = "SQLite", "PostgreSQL"

Samples = Mapping[str, Mapping[str, Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class Target:
    """How the CPU time of ``ours`` shall compare to that of ``theirs``, at most."""

    case: str
    ours: str
    theirs: str
    at_most: float
    over_http: bool = False
    where: str = SQLITE
    by_time: bool = False
    """Compare the time instead."""


TARGETS = (
    Target(OPERATIONS[0].name, READER, RAW, 2.0),
    Target(OPERATIONS[2].name, READER, RAW, 3.0),
    Target(OPERATIONS[0].name, SESSION, NAIVE, 1 / 3),
    Target(OPERATIONS[3].name, SESSION, NAIVE, 1 / 3),
    Target(OPERATIONS[4].name, READER, NAIVE, 1 / 8),
    Target(OPERATIONS[1].name, READER, POOL, 1 / 2, where=SERVER, by_time=True),
    Target(OPERATIONS[4].name, READER, NAIVE_ON_SERVER, 1 / 8, where=SERVER),
    Target(GET.name, VELOX, FASTAPI, 1 / 10, over_http=True),
    Target(PAGE.name, VELOX, FASTAPI, 1 / 6, over_http=True),
    Target(INSERT.name, VELOX, FASTAPI, 1 / 5, over_http=True),
    Target(GET.name, VELOX, FASTAPI, 1 / 4, over_http=True, where=SERVER),
    Target(PAGE.name, VELOX, FASTAPI, 1 / 3, over_http=True, where=SERVER),
    Target(INSERT.name, VELOX, FASTAPI, 1 / 3, over_http=True, where=SERVER),
)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished measurement.

    Attributes:
        inside: By operation, then by contender in a process.
        over_http: By request, then by server.
        versions: By package.
        machine: What it ran on.
        load: How it was loaded, in words.
        others: The share of the machine that other programs used meanwhile, from 0 to 1.
    """

    inside: Samples
    over_http: Samples
    versions: Mapping[str, str]
    machine: str
    load: str
    others: float

    def targets(self) -> list[Target]:
        """Those whose server was there."""
        return [one for one in TARGETS if f"{one.where}: {one.case}" in {**self.inside, **self.over_http}]

    def ratio(self, target: Target) -> float:
        """The median over rounds of our CPU time (or time) by theirs."""
        samples = (self.over_http if target.over_http else self.inside)[f"{target.where}: {target.case}"]
        if target.by_time:
            pairs = zip(samples[target.ours], samples[target.theirs], strict=True)
            return median(theirs.per_s / ours.per_s for ours, theirs in pairs)
        return paired_ratio(samples[target.ours], samples[target.theirs])


def markdown(result: Result) -> str:
    """The page ``benchmarks/results/db.md``."""
    return "\n".join(
        [
            "# The database",
            "",
            "Side by side with its peers, each on a table of its own of 10,000 rows of eight columns: SQLite in",
            "WAL mode with `synchronous = NORMAL`, and PostgreSQL on this machine, whose own CPU time nobody counts.",
            "Written by `python -m benchmarks.db --save`. What all read and answer was compared before anything",
            "was timed. CPU time is the contender's own process', user and system.",
            "",
            "<!-- results -->",
            "",
            *warning(result.others),
            "## Targets",
            "",
            table(
                ["CPU time, ours / theirs", "at most", "measured"], [_judged(result, one) for one in result.targets()]
            ),
            "",
            "## In one process",
            "",
            *(line for case in result.inside for line in _section(case, result.inside[case])),
            "## Over HTTP",
            "",
            *(line for case in result.over_http for line in _section(case, result.over_http[case])),
            f"{result.load} {result.machine}, of which others used {result.others:.0%} while SQLite was measured.",
            "",
            ", ".join(f"{name} {version}" for name, version in result.versions.items()) + ".",
            "",
        ]
    )


def _judged(result: Result, target: Target) -> list[str]:
    ratio, place = result.ratio(target), "HTTP, " if target.over_http else ""
    name = f"{target.where}, {place}{target.case}: {target.ours} / {target.theirs}"
    if target.by_time:
        name += ", time"
    return [name, f"{target.at_most:.2f}", verdict(ratio, is_met=ratio <= target.at_most)]


def _section(case: str, samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    found = {name: summarise(rounds) for name, rounds in samples.items()}
    ordered = sorted(found, key=lambda name: found[name].cpu_us)
    rows = [
        [
            name,
            f"{found[name].cpu_us:.1f}",
            f"{found[name].lowest_cpu_us:.1f} to {found[name].highest_cpu_us:.1f}",
            f"{paired_ratio(samples[name], samples[ordered[0]]):.1f}",
        ]
        for name in ordered
    ]
    return [f"### {case}", "", table(["", "CPU µs", "rounds", "times the first"], rows), ""]


def to_json(result: Result) -> str:
    """The same as a JSON document, with every sample."""
    document: dict[str, Any] = asdict(result)
    document["targets"] = [asdict(target) | {"measured": result.ratio(target)} for target in result.targets()]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
