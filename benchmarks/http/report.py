"""The results as Markdown for readers, as JSON for programs, and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.http.cases import CASES, JSON, LIST, PLAINTEXT, POST, TYPED
from benchmarks.http.measure import Samples
from benchmarks.http.plot import Bar, Group, bar_chart
from benchmarks.http.servers import (
    BLACKSHEEP_GRANIAN,
    BLACKSHEEP_UVICORN,
    FASTAPI_UVICORN,
    LITESTAR,
    SANIC,
    VELOX,
    WATCHED,
)
from benchmarks.summary import Summary, summarise, table

__all__ = [
    "LATENCY_CASE",
    "MEMORY_BYTES",
    "TARGETS",
    "Result",
    "Target",
    "markdown",
    "svg",
    "to_json",
    "verdict",
    "warning",
    "with_results",
]

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """How many times the requests a second of ``peer`` Velox shall answer."""

    case: str
    peer: str
    at_least: float
    ours: str = VELOX


TARGETS = (
    Target(PLAINTEXT.name, BLACKSHEEP_GRANIAN, 1.8),
    Target(JSON.name, BLACKSHEEP_GRANIAN, 2.0),
    Target(JSON.name, FASTAPI_UVICORN, 5.0),
    Target(TYPED.name, BLACKSHEEP_GRANIAN, 1.8),
    Target(TYPED.name, FASTAPI_UVICORN, 8.0),
    Target(POST.name, BLACKSHEEP_UVICORN, 1.5),
    Target(POST.name, FASTAPI_UVICORN, 4.5),
    Target(LIST.name, LITESTAR, 1.2),
    Target(LIST.name, FASTAPI_UVICORN, 3.0),
    Target(JSON.name, BLACKSHEEP_GRANIAN, 1.5, ours=WATCHED),
)
MEMORY_BYTES = 60 * MB
"""The most that an idle worker may take."""
QUIET = 0.1
"""The most that others may use of the machine in a measurement that judges anything."""
README_BEGIN, README_END = "<!-- speed: begin -->", "<!-- speed: end -->"
LATENCY_CASE = JSON.name
"""Where the 99th percentile shall be no worse than raw Sanic's."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished measurement.

    Attributes:
        samples: By case, then by server: one sample a round.
        memory_bytes: Of an idle worker, by server.
        versions: By package.
        machine: What it ran on.
        load: How it was loaded, in words.
        others: The share of the machine that other programs used meanwhile, from 0 to 1.
    """

    samples: Samples
    memory_bytes: Mapping[str, int]
    versions: Mapping[str, str]
    machine: str
    load: str
    others: float

    def summary(self, case: str, server: str) -> Summary:
        """The medians of ``server`` in ``case``."""
        return summarise(self.samples[case][server])

    def p99_us(self, case: str, server: str) -> float:
        """The median over rounds of the 99th percentile."""
        return median(one.p99_us for one in self.samples[case][server])

    def ratios(self, target: Target) -> tuple[float, float]:
        """By how many times ours answers more requests a second, and takes less CPU time: ratios of medians."""
        ours, theirs = self.summary(target.case, target.ours), self.summary(target.case, target.peer)
        return ours.per_s / theirs.per_s, theirs.cpu_us / ours.cpu_us


def markdown(result: Result) -> str:
    """The page ``benchmarks/results/http.md``."""
    return "\n".join(
        [
            "# HTTP",
            "",
            "One worker, side by side with its peers in their fastest documented set-up. Written by",
            "`python -m benchmarks.http --save`. All answers were compared before anything was timed. CPU time is the",
            "server's, user and system; it is steadier than requests a second.",
            "",
            "<!-- results -->",
            "",
            *warning(result.others),
            "![Velox beside its peers](http.svg)",
            "",
            "## Targets",
            "",
            table(["target", "at least", "requests a second", "CPU time"], [*judged(result)]),
            "",
            table(["target", "at most", "measured"], [*judged_otherwise(result)]),
            "",
            "## Measured",
            "",
            *(line for case in CASES for line in section(result, case.name)),
            f"{result.load} {result.machine}, of which others used {result.others:.0%} meanwhile.",
            "",
            ", ".join(f"{name} {version}" for name, version in result.versions.items()) + ".",
            "",
        ]
    )


def warning(others: float) -> list[str]:
    """What has to be said before the numbers of a busy machine: cold caches cost large servers more than small ones."""
    if others <= QUIET:
        return []
    return [f"**Not a quiet machine: others used {others:.0%} of it. These figures judge nothing.**", ""]


def judged(result: Result) -> list[list[str]]:
    """A row for each ratio."""
    rows = []
    for target in TARGETS:
        if not {target.ours, target.peer} <= result.samples[target.case].keys():
            continue
        per_s, cpu = result.ratios(target)
        name = f"{target.case}: {target.ours} / {target.peer}"
        rows.append([name, f"{target.at_least:.1f}", verdict(per_s, is_met=per_s >= target.at_least), f"{cpu:.2f}"])
    return rows


def judged_otherwise(result: Result) -> list[list[str]]:
    """A row for the latency and one for the memory."""
    if not {VELOX, SANIC} <= result.samples[LATENCY_CASE].keys():
        return []
    ours, theirs = (result.p99_us(LATENCY_CASE, name) / 1000 for name in (VELOX, SANIC))
    memory = result.memory_bytes[VELOX]
    return [
        [f"{LATENCY_CASE}: 99th percentile, ms", f"{theirs:.2f} ({SANIC})", verdict(ours, is_met=ours <= theirs)],
        [
            "memory of an idle worker, MB",
            f"{MEMORY_BYTES / MB:.0f}",
            verdict(memory / MB, is_met=memory <= MEMORY_BYTES),
        ],
    ]


def verdict(value: float, *, is_met: bool) -> str:
    return f"{value:.2f}" if is_met else f"**{value:.2f}** (missed)"


def section(result: Result, case: str) -> list[str]:
    """The table of one case, the fastest first."""
    ordered = sorted(result.samples[case], key=lambda name: result.summary(case, name).cpu_us)
    header = ["server", "requests a second", "CPU µs a request", "rounds", "p50 ms", "p99 ms", "idle MB"]
    return [f"### {case}", "", table(header, [row(result, case, name) for name in ordered]), ""]


def row(result: Result, case: str, name: str) -> list[str]:
    found = result.summary(case, name)
    p50_us = median(one.p50_us for one in result.samples[case][name])
    return [
        name,
        f"{found.per_s:,.0f}",
        f"{found.cpu_us:.1f}",
        f"{found.lowest_cpu_us:.1f} to {found.highest_cpu_us:.1f}",
        f"{p50_us / 1000:.2f}",
        f"{result.p99_us(case, name) / 1000:.2f}",
        f"{result.memory_bytes[name] / MB:.0f}",
    ]


def with_results(readme: str, result: Result) -> str:
    """The repository's ``readme`` with the newest requests a second between its two marks."""
    before, _, rest = readme.partition(README_BEGIN)
    _, end, after = rest.partition(README_END)
    if not end:
        raise ValueError(f"the README has no {README_BEGIN} ... {README_END}")
    cases = list(result.samples)
    servers = sorted(result.samples[JSON.name], key=lambda name: -result.summary(JSON.name, name).per_s)
    shown = [name for name in servers if all(name in result.samples[case] for case in cases)]
    rows = [[name, *(f"{result.summary(case, name).per_s:,.0f}" for case in cases)] for name in shown]
    lines = [*warning(result.others), table(["requests a second", *cases], rows)]
    return "\n".join([before + README_BEGIN, "", *lines, "", README_END + after])


def svg(result: Result) -> str:
    """The picture ``benchmarks/results/http.svg``: requests a second, as multiples of FastAPI's on uvicorn."""
    groups = []
    for case, servers in result.samples.items():
        base = result.summary(case, FASTAPI_UVICORN).per_s
        bars = [Bar(name, result.summary(case, name).per_s / base, name in {VELOX, WATCHED}) for name in servers]
        groups.append(Group(case, sorted(bars, key=lambda bar: -bar.value)))
    names = ("velox-framework", "sanic", "blacksheep", "granian", "litestar", "robyn", "fastapi", "uvicorn", "python")
    note = ", ".join(f"{name} {result.versions[name]}" for name in names if name in result.versions)
    return bar_chart("Requests a second, one worker; FastAPI on uvicorn is 1", note, groups)


def to_json(result: Result) -> str:
    """The same as a JSON document, with every sample."""
    document: dict[str, Any] = {
        "load": result.load,
        "machine": result.machine,
        "others": result.others,
        "versions": dict(result.versions),
        "memory_bytes": dict(result.memory_bytes),
        "targets": [
            asdict(target) | dict(zip(("per_s", "cpu"), result.ratios(target), strict=True)) for target in TARGETS
        ],
        "cases": {
            case: {
                server: {**asdict(summarise(samples)), "samples": [asdict(sample) for sample in samples]}
                for server, samples in servers.items()
            }
            for case, servers in result.samples.items()
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
