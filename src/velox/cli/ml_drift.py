"""``velox ml drift``: logged rows against the training data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from velox.cli.console import json_line, style
from velox.cli.ml_registry import registry

if TYPE_CHECKING:
    from velox.ml.drift import Drift, Drifted
    from velox.predictions import Logged

__all__ = ["drift"]


@click.command(short_help="Compare logged rows with the training data.")
@click.argument("model")
@click.option("--rows", type=click.IntRange(min=1), default=10_000, show_default=True, help="The last rows, at most.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a page (HTML) to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def drift(model: str, rows: int, out: Path | None, as_json: bool) -> None:
    """Compare the last logged rows of MODEL, and its answers, with its training data. They are in the app's database
    if the app serves the model with a log.

    \b
    Example:
      velox ml drift titanic --out drift.html
    """
    from velox.ml.drift import drift_of, reference_in

    found = registry()
    manifest = found.manifest(model)
    reference = reference_in(found, manifest)
    logged = asyncio.run(read_window(manifest.name, manifest.version, rows))
    window = [(one.features, one.answer, one.truth) for one in logged]
    made = drift_of(reference, manifest.schema, window, (manifest.name, manifest.version))
    if out is not None:
        from velox.ml.drift_page import drift_page

        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(drift_page(made), encoding="utf-8")
    if as_json:
        json_line(made.to_dict())
        return
    print_drift(made)
    if out is not None:
        click.echo(f"wrote {out}")


async def read_window(model: str, version: str, rows: int) -> list[Logged]:
    """The last rows of a version."""
    from velox.app.jobs import DatabaseConnections
    from velox.db import Database, Model
    from velox.errors import ConfigurationError
    from velox.predictions import Journal
    from velox.predictions.table import table_in
    from velox.settings import Launch

    database = Database(Launch().database_url)
    await database.start()
    try:
        writing = DatabaseConnections(database).writing
        journal = Journal(writing, table_in(Model.metadata), model, keep_s=0, max_waiting=1)
        if not await journal.is_there():
            raise ConfigurationError(
                "VX821",
                "the database has no table velox_prediction",
                hint="Serve the model with a log: app.serve_model(..., log=Log())",
            )
        return await journal.window(version, rows)
    finally:
        await database.stop()


def print_drift(found: Drift) -> None:
    """A line for the predictions, and one for each feature."""
    click.echo(f"{style(f'{found.model}@{found.version}', 'green', bold=True)}  {found.rows:,} logged rows")
    if found.prediction is None:
        return
    for part in (found.prediction, *found.features):
        click.echo(line(part))
    if found.score is not None:
        click.echo(f"score on {found.truths:,} rows with a truth: {found.score:.4g}")


def line(part: Drifted) -> str:
    colour = {"none": "green", "some": "yellow", "much": "red"}[part.level]
    ks = f"KS {part.ks:.3f}" if part.ks is not None else ""
    return f"  {part.name:<16}PSI {part.psi:<8.3f}{ks:<10}{style(part.level, colour)}"
