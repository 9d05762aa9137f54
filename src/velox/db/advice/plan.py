"""A plan: what a database does for a statement, as a tree of steps, and that tree drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Plan", "Step", "drawn"]

_FAR_OFF = 10.0
"""An estimate that is wrong by this factor leads the planner astray."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a plan, which works on what its children give it."""

    text: str
    """What is done, in the database's words."""
    detail: str = ""
    """The condition, or the order."""
    table: str | None = None
    """The table that is read; ``None`` for a step that reads none."""
    index: str | None = None
    """The index that is used."""
    scans: bool = False
    """Whether it reads the whole table, without an index."""
    estimated_rows: float | None = None
    actual_rows: float | None = None
    """Rows that it gave, all rounds together; ``None`` when the statement was not run."""
    loops: float = 1
    """Rounds."""
    ms: float | None = None
    """Milliseconds with its children, all rounds together."""
    children: tuple[Step, ...] = ()

    def walk(self) -> Iterator[Step]:
        """This step and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a database does for a statement."""

    steps: tuple[Step, ...]
    cost: float | None = None
    """The planner's own estimate, in its own unit; ``None`` of SQLite, which tells none."""
    ms: float | None = None
    """Milliseconds that the statement took; ``None`` when it was not run."""
    rows: int | None = None
    """Rows that it gave, where the tree does not tell."""

    def walk(self) -> Iterator[Step]:
        """Every step."""
        for step in self.steps:
            yield from step.walk()

    def scanned(self) -> list[str]:
        """The tables that are read as a whole, in the order of the plan."""
        return list(dict.fromkeys(step.table for step in self.walk() if step.scans and step.table))

    def indexes(self) -> set[str]:
        """The indexes that are used."""
        return {step.index for step in self.walk() if step.index}


def drawn(plan: Plan) -> list[str]:
    """The tree, a line a step: estimated rows, actual rows, milliseconds."""
    lines: list[str] = []
    for step in plan.steps:
        lines += _drawn(step, "", "")
    if plan.ms is not None:
        rows = "" if plan.rows is None else f", {plan.rows} row{'' if plan.rows == 1 else 's'}"
        lines.append(f"{plan.ms:.2f} ms{rows}")
    return lines


def _drawn(step: Step, first: str, rest: str) -> Iterator[str]:
    yield first + "  ".join(filter(None, (step.text, step.detail, _rows(step), _time(step))))
    for place, child in enumerate(step.children, 1):
        last = place == len(step.children)
        yield from _drawn(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _rows(step: Step) -> str:
    if step.estimated_rows is None:
        return ""
    if step.actual_rows is None:
        return f"[{step.estimated_rows:.0f} rows expected]"
    expected, actual = step.estimated_rows * max(step.loops, 1), step.actual_rows
    far = max(expected, actual, 1) / max(min(expected, actual), 1) >= _FAR_OFF
    rounds = f" in {step.loops:.0f} rounds" if step.loops > 1 else ""
    return f"[{expected:.0f} rows expected, {actual:.0f} found{rounds}{' (!)' if far else ''}]"


def _time(step: Step) -> str:
    return "" if step.ms is None else f"{step.ms:.2f} ms"
