"""``velox ml train``: from a table to a published model, with everything that was found on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from velox.cli.console import json_line, note, style
from velox.cli.ml_import import policies
from velox.cli.ml_registry import print_published, registry

if TYPE_CHECKING:
    from velox.ml.examination import ColumnReport, Examination
    from velox.ml.trained import Training

__all__ = ["train"]


def names(ctx: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    """``a,b`` as a list."""
    return [name.strip() for name in (value or "").split(",") if name.strip()]


@click.command(short_help="Train models side by side on a table, and publish the best.")
@click.argument("data")
@click.option("--target", required=True, help="The column to predict.")
@click.option("--name", help="Publish the best under this name. Default: nothing is published.")
@click.option(
    "--model",
    "models",
    default="logreg,tree,knn,rf",
    show_default=True,
    callback=names,
    help="What is tried: logreg (or linear), tree, knn, rf, gb.",
)
@click.option("--tune", is_flag=True, help="Try parameters of each: k, depth, pruning, C.")
@click.option("--drop", callback=names, help="Columns to leave out.")
@click.option("--keep", callback=names, help="Columns to learn from although they look wrong.")
@click.option("--categorical", callback=names, help="Columns of whole numbers that are names, not quantities.")
@click.option("--group", help="A column whose equal values stay together when rows are held out.")
@click.option("--time", "time_column", help="A column to sort by: the last rows are held out.")
@click.option("--hold-out", type=float, default=0.2, show_default=True, help="The share of rows held out.")
@click.option("--folds", type=int, default=5, show_default=True, help="Of the cross-validation.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@policies
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def train(
    *,
    data: str,
    target: str,
    name: str | None,
    models: list[str],
    tune: bool,
    drop: list[str],
    keep: list[str],
    categorical: list[str],
    group: str | None,
    time_column: str | None,
    hold_out: float,
    folds: int,
    seed: int,
    out_of_range: Any,
    unknown: Any,
    as_json: bool,
) -> None:
    """Train models side by side on DATA: a file (.csv, .tsv, .json, .jsonl, .parquet, .xlsx), "titanic" or "iris".

    Shows what the table has, leaves out what should not be learned from, compares by cross-validation, and evaluates
    the best on rows held out.

    \b
    Example:
      velox ml train titanic --target survived --name titanic
      velox ml train sales.csv --target amount --model linear,rf --tune --time day
    """
    from velox.ml import Policies
    from velox.ml.names import check_name
    from velox.ml.splitting import Split
    from velox.ml.training import train as train_models

    if name is not None:
        check_name(name)
    start = time.perf_counter()
    made = train_models(
        data,
        target,
        name=name,
        models=models,
        tune=tune,
        split=Split(seed, hold_out, folds, group, time_column),
        drop=drop,
        keep=keep,
        categorical=categorical,
        policies=Policies(out_of_range, unknown),
        registry=registry(),
        progress=lambda text: note(f"{time.perf_counter() - start:6.1f} s  {text}"),
    )
    if as_json:
        json_line(summary(made))
        return
    for line in [*examined(made.examination), "", *compared(made), "", *evaluated(made)]:
        click.echo(line)
    if made.manifest is not None:
        click.echo("")
        print_published(made.manifest)
        place = registry().root / made.manifest.name / made.manifest.version / "report.html"
        click.echo(f"  report: {place}")


def examined(found: Examination) -> Iterator[str]:
    """The table, a line a column."""
    yield style(
        f"{found.rows:,} rows, {len(found.columns)} columns, {found.kind} of {found.target}", "green", bold=True
    )
    if found.balance:
        yield "  " + ", ".join(f"{label}: {share:.1%}" for label, share in found.balance[:10])
    width = max(len(column.feature.name) for column in found.columns) + 2
    for column in found.columns:
        yield f"  {column.feature.name:<{width}}{in_a_line(column)}"
    for text in found.notes:
        yield f"  {style('note', 'yellow')} {text}"


def in_a_line(column: ColumnReport) -> str:
    from velox.cli.ml_registry import described

    text = described(column.feature)
    if column.missing:
        text += f"  {column.missing:.1%} missing"
    if column.left_out:
        return f"{style('left out', 'yellow')}: {column.left_out}"
    return text + (f"  {style('warning', 'yellow')}: {column.warning}" if column.warning else "")


def compared(made: Training) -> Iterator[str]:
    """The candidates, the best first."""
    score, second = ("R²", "RMSE") if made.examination.kind == "regression" else ("accuracy", "ROC AUC")
    yield style(f"{'model':<10} {score:>9}  {'95% interval':<16} {second:>9}  {'a fold':>8}", "cyan")
    for candidate in made.candidates:
        interval = f"{candidate.low:.3f} to {candidate.high:.3f}"
        tuned = "  " + ", ".join(f"{name}={value}" for name, value in candidate.parameters.items())
        yield (
            f"{candidate.name:<10} {candidate.score:>9.3f}  {interval:<16} {abs(candidate.second):>9.3f}"
            f"  {candidate.seconds:>6.2f} s{tuned.rstrip()}"
        )


def evaluated(made: Training) -> Iterator[str]:
    """The best one's metrics on the rows held out."""
    yield style(f"{made.best} on the rows held out", "cyan")
    for name, value in made.evaluation.metrics.items():
        if isinstance(value, float):
            interval = made.evaluation.metrics.get(f"{name}_interval")
            yield f"  {name:<18} {value:.3f}" + (f"  ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def summary(made: Training) -> dict[str, Any]:
    found = made.examination
    return {
        "target": found.target,
        "kind": found.kind,
        "rows": found.rows,
        "columns": [
            {**column.feature.to_dict(), "missing_share": column.missing, "left_out": column.left_out}
            for column in found.columns
        ],
        "candidates": [
            {"model": c.name, "score": c.score, "interval": [c.low, c.high], "parameters": c.parameters}
            for c in made.candidates
        ],
        "best": made.best,
        "metrics": made.evaluation.metrics,
        "version": made.manifest.version if made.manifest else None,
    }
