"""The report of an evaluation: one HTML file that needs nothing else, and each figure as a file of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from velox.ml.evaluation import Evaluation
from velox.ml.figures import figures
from velox.ml.trained import Training

__all__ = ["report_files"]

STYLE = """
:root { color-scheme: light; --ink: #1b2430; --grey: #5f6b7a; --line: #e4e8ee; --blue: #2563eb; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #f6f7f9; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 0 0 2px; }
p { margin: 0; color: var(--grey); }
.numbers { display: flex; flex-wrap: wrap; gap: 12px; margin: 24px 0; }
.numbers div { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px; }
.numbers b { display: block; font-size: 24px; } .numbers span { color: var(--grey); font-size: 13px; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 16px;
  grid-auto-flow: dense; }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 18px; overflow-x: auto; }
section.wide { grid-column: 1 / -1; } section svg { display: block; max-width: 100%; height: auto; margin-top: 12px; }
section.wide svg { min-width: 900px; }
table { border-collapse: collapse; width: 100%; margin-top: 12px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); }
th { color: var(--grey); font-weight: 500; } td.n, th.n { text-align: right; padding-right: 14px; }
"""
SHOWN = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "log_loss": "log loss",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "mean absolute error",
}
MOST_SLICES = 12
WIDE = frozenset({"tree"})


def report_files(evaluation: Evaluation, title: str, training: Training | None = None) -> dict[str, bytes]:
    """``report.html``, ``metrics.json``, and each figure as ``NAME.svg``.

    Args:
        evaluation: What was found.
        title: The report's heading.
        training: Of it, the table of the candidates and of the columns; None leaves them out.
    """
    drawn = figures(evaluation)
    curves = {name: value for name, value in evaluation.curves.items() if value}
    made = {f"{name}.svg": svg.encode() for name, (_, _, svg) in drawn.items()}
    made["metrics.json"] = json.dumps({"metrics": evaluation.metrics, **curves}, indent=1, default=str).encode()
    made["report.html"] = page(evaluation, title, drawn, training).encode()
    return made


def page(evaluation: Evaluation, title: str, drawn: dict[str, tuple[str, str, str]], training: Training | None) -> str:
    sections = [section(heading, caption, svg, wide=name in WIDE) for name, (heading, caption, svg) in drawn.items()]
    if evaluation.curves["slices"]:
        sections.append(slices(evaluation))
    if "thresholds" in evaluation.curves:
        sections.append(thresholds(evaluation))
    if training is not None:
        sections = [candidates(training), *sections, columns(training)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main>'
        f"<h1>{escape(title)}</h1><p>{escape(subtitle(evaluation))}</p>"
        f'<div class="numbers">{"".join(numbers(evaluation))}</div>'
        f'<div class="figures">{"".join(sections)}</div></main></body></html>\n'
    )


def subtitle(evaluation: Evaluation) -> str:
    what = f"{evaluation.target}: {evaluation.kind}"
    classes = f" of {', '.join(map(str, evaluation.classes))}" if evaluation.classes else ""
    return f"{what}{classes}. All numbers are of rows that it has not learned from."


def numbers(evaluation: Evaluation) -> Iterator[str]:
    for name, label in SHOWN.items():
        if name in evaluation.metrics:
            interval = evaluation.metrics.get(f"{name}_interval")
            range_text = f"<br>95%: {interval[0]:.3f} to {interval[1]:.3f}" if interval else ""
            yield f"<div><b>{evaluation.metrics[name]:.3f}</b><span>{label}{range_text}</span></div>"


def section(heading: str, caption: str, content: str, *, wide: bool = False) -> str:
    kind = ' class="wide"' if wide else ""
    return f"<section{kind}><h2>{escape(heading)}</h2><p>{escape(caption)}</p>{content}</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; numbers to the right."""
    numeric = [bool(rows) and not isinstance(value, str) for value in (rows[0] if rows else head)]
    top = "".join(f"<th{' class=n' * n}>{escape(name)}</th>" for name, n in zip(head, numeric, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{' class=n' * n}>{cell(v)}</td>" for v, n in zip(row, numeric, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def cell(value: Any) -> str:
    return (
        f"{value:.3f}" if isinstance(value, float) else escape(f"{value:,}" if isinstance(value, int) else str(value))
    )


def slices(evaluation: Evaluation) -> str:
    score = "accuracy" if evaluation.kind == "classification" else "mean absolute error"
    rows = evaluation.curves["slices"][:MOST_SLICES]
    caption = "The worst first; groups of ten rows and more."
    return section("Slices", caption, table(("rows with", "rows", score), rows))


def thresholds(evaluation: Evaluation) -> str:
    rows = evaluation.curves["thresholds"]
    names = ("threshold", "chosen", "precision", "recall", "f1", "accuracy")
    caption = f"Of saying {evaluation.classes[1]} from this probability on."
    return section("Table of thresholds", caption, table(names, [[row[name] for name in names] for row in rows]))


def candidates(training: Training) -> str:
    score, second = ("R²", "-RMSE") if training.examination.kind == "regression" else ("accuracy", "ROC AUC")
    rows = [
        (c.name, f"{c.score:.3f}", f"{c.low:.3f} to {c.high:.3f}", f"{c.second:.3f}", f"{c.seconds:.2f} s")
        for c in training.candidates
    ]
    caption = f"Cross-validated on the same folds; {training.best} was chosen."
    return section("Candidates", caption, table(("model", score, "95% interval", second, "a fold"), rows))


def columns(training: Training) -> str:
    rows = [
        (c.feature.name, c.feature.kind, f"{c.missing:.1%}", f"{c.distinct:,}", c.left_out or c.warning or "")
        for c in training.examination.columns
    ]
    return section(
        "Columns", "What was in the table.", table(("column", "kind", "missing", "different", "left out"), rows)
    )
