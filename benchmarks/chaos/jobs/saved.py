"""The page of what the scenarios said: ``benchmarks/results/jobs.md``, which the guide includes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parents[2] / "results" / "jobs.md"


def page(said: Sequence[tuple[str, str]], *, jobs: int, kills: int) -> str:
    """A table of scenarios, each named ``queue: scenario``, and what they said."""
    lines = [
        f"By `python -m benchmarks.chaos.jobs --save` ({describe()}): {jobs:,} jobs, {kills} kills, a lease of 1 s.",
        "",
        "| queue | what happened | what came of it |",
        "| --- | --- | --- |",
    ]
    for name, outcome in said:
        queue, _, scenario = name.partition(": ")
        cell = outcome.replace("|", "\\|")
        lines.append(f"| {queue} | {scenario} | {cell} |")
    return "\n".join(lines) + "\n"
