"""The results as Markdown for readers and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.binding.servers import FASTAPI, SANIC, VELOX
from benchmarks.summary import Sample, Summary, paired_ratio, summarise, table

__all__ = ["TARGETS", "Result", "markdown", "to_json"]

TARGETS = {SANIC: 1.15, FASTAPI: 0.5}
"""The most CPU time that Velox may take, as a multiple of the other's."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished measurement.

    Attributes:
        samples: By case, then by server: one sample a round.
        versions: By package.
        machine: What it ran on.
        load: How it was loaded, in words.
    """

    samples: Mapping[str, Mapping[str, Sequence[Sample]]]
    versions: Mapping[str, str]
    machine: str
    load: str


def ratios(result: Result) -> dict[str, dict[str, float]]:
    """By case: Velox' CPU time by each peer's."""
    return {
        case: {peer: paired_ratio(servers[VELOX], servers[peer]) for peer in TARGETS}
        for case, servers in result.samples.items()
    }


def markdown(result: Result) -> str:
    """The page ``benchmarks/results/binding.md``."""
    costs = [
        [case, server, *costs_of(summarise(samples))]
        for case, servers in result.samples.items()
        for server, samples in servers.items()
    ]
    judged = [
        [case, *(verdict(value, TARGETS[peer]) for peer, value in found.items())]
        for case, found in ratios(result).items()
    ]
    aims = [f"Velox / {peer} (at most {most})" for peer, most in TARGETS.items()]
    return "\n".join(
        [
            "# The binding layer",
            "",
            "What reading a handler's arguments and writing its result costs: Velox beside hand-written Sanic that",
            "does the same work, and beside FastAPI. Written by `python -m benchmarks.binding --save`; CPU time is",
            "the server's, user and system. All answers were compared before anything was timed.",
            "",
            table(["request", *aims], judged),
            "",
            "Below 1 beside hand-written code: Velox writes the usual three headers, and plain rows, by shorter ways",
            "than Sanic's and pydantic's own (`velox.routing.response`, `velox.routing.writer`).",
            "",
            table(["request", "server", "CPU µs a request", "rounds", "requests a second"], costs),
            "",
            f"{result.load} {result.machine}.",
            "",
            ", ".join(f"{name} {version}" for name, version in result.versions.items()) + ".",
            "",
        ]
    )


def costs_of(summary: Summary) -> tuple[str, str, str]:
    spread = f"{summary.lowest_cpu_us:.1f} to {summary.highest_cpu_us:.1f}"
    return f"{summary.cpu_us:.1f}", spread, f"{summary.per_s:,.0f}"


def verdict(value: float, most: float) -> str:
    return f"{value:.2f}" if value <= most else f"**{value:.2f}** (missed)"


def to_json(result: Result) -> str:
    """The same as a JSON document, with every sample."""
    document: dict[str, Any] = {
        "load": result.load,
        "machine": result.machine,
        "versions": dict(result.versions),
        "ratios": ratios(result),
        "cases": {
            case: {
                server: {**asdict(summarise(samples)), "samples": [asdict(sample) for sample in samples]}
                for server, samples in servers.items()
            }
            for case, servers in result.samples.items()
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
