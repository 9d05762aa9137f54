"""``velox lab indexes``: which index for which question."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from velox.errors import ConfigurationError

__all__ = ["indexes"]


@click.command()
@click.option("--rows", type=click.IntRange(1000), default=100_000, show_default=True, help="Rows of the table.")
@click.option("--server", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--url", help="PostgreSQL. Default: the setting database_url, if it is one.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("lab"),
    show_default=True,
    help="The folder of the report.",
)
def indexes(rows: int, server: str, url: str | None, out: Path) -> None:
    """Fill a table, and measure a B-tree, a hash, a composite and a covering index against no index.

    Asked are one row, a range, an order and a beginning; and rows are written. The report is a page with bars and
    plans, which says when to use which. The table is a temporary one, and is gone at the end.

    \b
    Example:
      velox lab indexes --rows 200000
      velox lab indexes --server postgresql --url postgresql://postgres@127.0.0.1/postgres
    """
    from velox.db.advice.lab import measure
    from velox.db.advice.labreport import page, summary

    found = asyncio.run(measure(rows, _server(server, url)))
    out.mkdir(parents=True, exist_ok=True)
    report = out / f"indexes-{server}.html"
    report.write_text(page(found), encoding="utf-8")
    for line in summary(found):
        click.echo(line)
    click.echo(f"Wrote {report}.")


def _server(server: str, url: str | None) -> str | None:
    if server == "sqlite":
        if url is not None:
            raise ConfigurationError("VX106", "--url is for --server postgresql", hint="SQLite needs no URL here.")
        return None
    from velox.settings import Launch

    found = url or Launch().database_url
    if not found.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            "VX106",
            "it is not known where PostgreSQL is",
            hint="Name it: --url postgresql://user:password@host/name. A temporary table is made there.",
        )
    return found
