"""The results as Markdown for readers, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.http.report import warning
from benchmarks.summary import table
from benchmarks.tasks.child import BUSY_S, CONCURRENCY, DEAD_AFTER_S
from benchmarks.tasks.measure import Figures, Plan

__all__ = ["Row", "markdown", "to_json"]

HEADER = ("library", "queue", "enqueued/s", "CPU µs each", "no-op jobs/s", "CPU µs each", "10 ms jobs/s", "CPU µs each",
          "after kill -9", "ran twice")  # fmt: skip
QUEUES = {"sqlite": "SQLite", "redis": "Redis", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Row:
    """A contender, and its figures or why there are none."""

    name: str
    queue: str
    figures: Figures | None
    trouble: str = ""


def markdown(rows: Sequence[Row], plan: Plan, versions: Mapping[str, str], machine: str, others: float) -> str:
    """The table, and what has to be known to read it."""
    measured = [row for row in rows if row.figures is not None]
    left_out = [f"{row.name} on {QUEUES[row.queue]} is left out: {row.trouble}" for row in rows if row.figures is None]
    how = (
        f"{machine}. One worker each, {CONCURRENCY} jobs at once; {plan.noops:,} no-op jobs, {plan.busies:,} of "
        f"{BUSY_S * 1000:g} ms. Then {plan.killed:,} more of these: the worker is killed (`kill -9`) after a third, "
        f"another one is started, and nothing new is enqueued. A silent worker counts as dead after {DEAD_AFTER_S} s "
        f"where a library can be told so; after {plan.patience_s:g} s jobs are called missing."
    )
    parts = [
        "\n".join(warning(others)).strip(),
        how,
        table(HEADER, [cells(row.name, row.queue, row.figures) for row in measured if row.figures is not None]),
        *left_out,
        ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + ".",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def cells(name: str, queue: str, figures: Figures) -> list[str]:
    after = f"all done, {figures.recovery_s:.1f} s" if not figures.missing else f"**{figures.missing} missing**"
    return [
        name,
        QUEUES[queue],
        f"{figures.enqueues_per_s:,.0f}",
        f"{figures.enqueue_us:,.0f}",
        f"{figures.noops_per_s:,.0f}",
        f"{figures.noop_us:,.0f}",
        f"{figures.busies_per_s:,.0f}",
        f"{figures.busy_us:,.0f}",
        after,
        str(figures.twice),
    ]


def to_json(rows: Sequence[Row], plan: Plan, versions: Mapping[str, str], machine: str, others: float) -> str:
    """Everything that was measured."""
    found = {"machine": machine, "others": others, "versions": dict(versions), "plan": asdict(plan)}
    return json.dumps({**found, "rows": [asdict(row) for row in rows]}, indent=2) + "\n"
