"""``velox ml evaluate``: how good a published version is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from velox.cli.console import json_line
from velox.cli.ml_registry import registry

if TYPE_CHECKING:
    from velox.ml import Manifest

__all__ = ["evaluate"]


@click.command(short_help="Write a version's report, on its held-out rows or on other data.")
@click.argument("model")
@click.option("--data", help="A file of other rows, with the target. Default: the rows held out of its training data.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write. Default: reports/NAME-VERSION."
)
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def evaluate(model: str, data: str | None, out: Path | None, as_json: bool) -> None:
    """Evaluate a version of MODEL, and write report.html, its figures as .svg and metrics.json.

    \b
    Example:
      velox ml evaluate titanic
      velox ml evaluate titanic@2 --data new.csv
    """
    from velox.ml.artifact import load_estimator
    from velox.ml.evaluation import evaluate as measure
    from velox.ml.report import report_files

    found = registry()
    manifest = found.manifest(model)
    estimator = load_estimator(found, manifest)
    learned, held, target = rows_for(manifest, data)
    evaluation = measure(estimator, learned, held, target, seed=manifest.seed or 0)
    folder = out or Path("reports") / f"{manifest.name}-{manifest.version}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in report_files(evaluation, f"{manifest.name}@{manifest.version}: {manifest.estimator}").items():
        (folder / name).write_bytes(content)
    if as_json:
        json_line(evaluation.metrics)
        return
    for name, value in evaluation.metrics.items():
        if isinstance(value, float):
            click.echo(f"{name:<18} {value:.3f}")
    click.echo(f"wrote {folder / 'report.html'}")


def rows_for(manifest: Manifest, source: str | None) -> tuple[Any | None, Any, str]:
    """The rows it learned from, where they are known; those to evaluate on; and the target's column."""
    from velox.errors import ConfigurationError
    from velox.ml.dataset import data_digest, read_table
    from velox.ml.splitting import Split

    facts = manifest.data
    target = str(facts.get("target", manifest.schema.outcome.name))
    columns = [*(feature.name for feature in manifest.schema.features), target]
    if source is None and ("split" not in facts or facts.get("source") == "a DataFrame"):
        raise ConfigurationError(
            "VX815", f"the rows that {manifest.name} was trained on are not known", hint="Name others: --data FILE"
        )
    frame = read_table(source or facts["source"])
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise ConfigurationError("VX815", f"there is no column {absent[0]}", hint=f"Needed: {', '.join(columns)}")
    if source is not None:
        return None, frame.dropna(subset=[target])[columns], target
    if data_digest(frame) != facts["digest"]:
        raise ConfigurationError(
            "VX815",
            f"{facts['source']} is not the table that {manifest.name}@{manifest.version} was trained on",
            hint="Name rows that it has not seen: --data FILE",
        )
    stratify = manifest.schema.outcome.kind == "classification"
    learned, held = Split(**facts["split"]).hold_out(frame.dropna(subset=[target]), target, stratify=stratify)
    return learned[columns], held[columns], target
