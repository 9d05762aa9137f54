"""``velox ml score``: the answers to the rows of a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from velox.cli.console import json_line, note
from velox.cli.ml_registry import registry

__all__ = ["score"]


@click.command(short_help="Answer the rows of a file.")
@click.argument("model")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="What is written: .csv or .parquet.")
@click.option("--jobs", "-j", type=int, default=1, show_default=True, help="Processes; -1: one a processor.")
@click.option(
    "--engine", default="local", show_default=True, metavar="local|dask|tcp://HOST:PORT", help="Where they are."
)
@click.option("--part", type=click.IntRange(1), default=50_000, show_default=True, help="Rows in memory, for each job.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def score(*, model: str, data: Path, out: Path, jobs: int, engine: str, part: int, as_json: bool) -> None:
    """Write the table DATA (.csv or .parquet) to --out with the answers of MODEL as further columns.

    They are those of the API: prediction, probability_CLASS, warnings, and error for a row that it would refuse. What
    was interrupted goes on where it was when the same command is given again.

    \b
    Example:
      velox ml score titanic passengers.csv --out scored.csv
    """
    from velox.ml.clusters import backend_of
    from velox.ml.scoring import score as score_rows

    start, done = time.perf_counter(), 0

    def progress(rows: int) -> None:
        nonlocal done
        done += rows
        note(f"{time.perf_counter() - start:6.1f} s  {done:,} rows")

    with backend_of(engine) as (backend, workers):
        made = score_rows(
            registry(),
            model,
            data,
            out,
            part_rows=part,
            jobs=workers if backend == "dask" and jobs == 1 else jobs,
            backend=backend,
            progress=progress,
        )
    if as_json:
        found: dict[str, Any] = {name: getattr(made, name) for name in ("rows", "refused", "resumed", "version")}
        json_line(found)
        return
    name = model.partition("@")[0]
    click.echo(f"wrote {out}: {made.rows:,} rows by {name}@{made.version}, {made.refused:,} of them without an answer")
    if made.resumed:
        click.echo(f"  {made.resumed:,} rows were there already")
