"""The results as Markdown for readers, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.db.cases import GET, INSERT, OPERATIONS, PAGE
from benchmarks.db.contenders import FASTAPI, NAIVE, RAW, READER, SESSION, VELOX
from benchmarks.http.report import verdict, warning
from benchmarks.summary import Sample, paired_ratio, summarise, table

__all__ = ["TARGETS", "Result", "Target", "markdown", "to_json"]

Samples = Mapping[str, Mapping[str, Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class Target:
    """How the CPU time of ``ours`` shall compare to that of ``theirs``, at most."""

    case: str
    ours: str
    theirs: str
    at_most: float
    over_http: bool = False


TARGETS = (
    Target(OPERATIONS[0].name, READER, RAW, 2.0),
    Target(OPERATIONS[2].name, READER, RAW, 3.0),
    Target(OPERATIONS[0].name, SESSION, NAIVE, 1 / 3),
    Target(OPERATIONS[3].name, SESSION, NAIVE, 1 / 3),
    Target(OPERATIONS[4].name, READER, NAIVE, 1 / 8),
    Target(GET.name, VELOX, FASTAPI, 1 / 10, over_http=True),
    Target(PAGE.name, VELOX, FASTAPI, 1 / 6, over_http=True),
    Target(INSERT.name, VELOX, FASTAPI, 1 / 5, over_http=True),
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

    def ratio(self, target: Target) -> float:
        """The median over rounds of our CPU time by theirs."""
        samples = (self.over_http if target.over_http else self.inside)[target.case]
        return paired_ratio(samples[target.ours], samples[target.theirs])


def markdown(result: Result) -> str:
    """The page ``benchmarks/results/db.md``."""
    return "\n".join(
        [
            "# The database: SQLite",
            "",
            "Side by side with its peers, on copies of one file of 10,000 rows of eight columns, all in WAL mode with",
            "`synchronous = NORMAL`. Written by `python -m benchmarks.db --save`. What all read and answer was",
            "compared before anything was timed. CPU time is the contender's own process', user and system.",
            "",
            "<!-- results -->",
            "",
            *warning(result.others),
            "## Targets",
            "",
            table(["CPU time: ours / theirs", "at most", "measured"], [_judged(result, one) for one in TARGETS]),
            "",
            "## In one process",
            "",
            *(line for case in result.inside for line in _section(case, result.inside[case])),
            "## Over HTTP",
            "",
            *(line for case in result.over_http for line in _section(case, result.over_http[case])),
            f"{result.load} {result.machine}, of which others used {result.others:.0%} meanwhile.",
            "",
            ", ".join(f"{name} {version}" for name, version in result.versions.items()) + ".",
            "",
        ]
    )


def _judged(result: Result, target: Target) -> list[str]:
    ratio, place = result.ratio(target), "HTTP, " if target.over_http else ""
    name = f"{place}{target.case}: {target.ours} / {target.theirs}"
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
    document["targets"] = [asdict(target) | {"measured": result.ratio(target)} for target in TARGETS]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
