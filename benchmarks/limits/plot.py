"""The runs as SVG: ticks for requests, and a line for how many passed in the last period. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.limits.burst import LIMIT, UNTIL_S, Run

__all__ = ["timeline"]

WIDTH, LEFT, RIGHT, TOP = 760, 120, 30, 46
ROW, BARS = 128, 84
"""Of an algorithm's row, and of the space for its line, in pixels."""
STEP_S = 0.1
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2933; }
.title { font-weight: 600; } .note { fill: #52606d; font-size: 11px; }
.line { fill: none; stroke: #0b6e4f; stroke-width: 1.5; } .limit { stroke: #b44d12; stroke-dasharray: 4 3; }
.passed { stroke: #0b6e4f; } .refused { stroke: #b44d12; } .axis { stroke: #9fb3c8; }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb; } .note { fill: #9aa5b1; }
  .line, .passed { stroke: #3ebd93; } .limit, .refused { stroke: #f0b429; }
}
"""


def timeline(runs: Mapping[str, Run]) -> str:
    """The document, a row for each of ``runs`` by name."""
    height = TOP + ROW * len(runs) + 24
    highest = 2 * LIMIT.count
    title = f"The same requests under a limit of {LIMIT.count} in {LIMIT.period_s:g} s"
    note = "line: passed within the last 10 s; dashed: the limit; ticks: passed above, refused below"
    drawn = [f'<text x="8" y="18" class="title">{title}</text>', f'<text x="8" y="34" class="note">{note}</text>']
    for row, (name, run) in enumerate(runs.items()):
        top = TOP + row * ROW
        drawn += [
            f'<text x="8" y="{top + 30}">{name}</text>',
            f'<text x="8" y="{top + 46}" class="note">{len(run.passed_s)} passed</text>',
            f'<text x="8" y="{top + 60}" class="note">at most {run.most} in 10 s</text>',
            line(top + BARS - BARS * LIMIT.count / highest, "limit"),
            line(top + BARS, "axis"),
            f'<polyline class="line" points="{points(run, top, highest)}"/>',
            *(tick(each, top + BARS + 3, "passed") for each in run.passed_s),
            *(tick(each, top + BARS + 14, "refused") for each in run.refused_s),
        ]
    marks = [
        f'<text x="{x(second):.1f}" y="{height - 8}" class="note" text-anchor="middle">{second:g} s</text>'
        for second in range(0, int(UNTIL_S) + 1, 10)
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *drawn, *marks, "</svg>\n"])


def x(second: float) -> float:
    return LEFT + second * (WIDTH - LEFT - RIGHT) / UNTIL_S


def line(y: float, kind: str) -> str:
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="{kind}"/>'


def tick(second: float, y: float, kind: str) -> str:
    return f'<line x1="{x(second):.1f}" x2="{x(second):.1f}" y1="{y:.1f}" y2="{y + 8:.1f}" class="{kind}"/>'


def points(run: Run, top: int, highest: int) -> str:
    times_s = [step * STEP_S for step in range(int(UNTIL_S / STEP_S) + 1)]
    return " ".join(f"{x(each):.1f},{top + BARS - BARS * run.in_period(each) / highest:.1f}" for each in times_s)
