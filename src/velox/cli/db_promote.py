"""``velox db promote``: from a SQLite file to a server."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from velox.cli.console import note
from velox.cli.project import open_project

if TYPE_CHECKING:
    from velox.db import Database
    from velox.db.upkeep.promoting import Copied

__all__ = ["promote"]


@click.command()
@click.argument("url", metavar="URL")
@click.option("--database", default="main", metavar="NAME", help="Which: main, or a name of the settings.")
def promote(url: str, database: str) -> None:
    """Copy the project's SQLite database to the empty database at URL, on PostgreSQL, MariaDB or MySQL.

    Stop the app before. The tables are made by the project's migrations, the rows copied in batches, and at the end
    every row is read on both sides and compared. The SQLite file is only read. When it is broken off, the same command
    goes on where it was.

    \b
    Example:
      velox db promote postgresql://shop:password@db.example.com/shop
    """
    from velox.db import Database
    from velox.db.upkeep.promoting import promote

    project = open_project().at(database)
    target = Database(url, statement_timeout_s=0)

    async def work(source: Database) -> int:
        await target.start()
        try:
            return await promote(source, target, project.history, project.metadata, report=_show)
        finally:
            await target.stop()

    rows = project.run(work)
    plural = "" if rows == 1 else "s"
    click.echo(f"Copied {rows:,} row{plural} to {target.display_url}, each compared with its original.")
    click.echo(f"From now on: {_variable(database, project.app.settings.shards)}={target.display_url}")


def _variable(database: str, shards: Collection[str]) -> str:
    if database == "main":
        return "VELOX_DATABASE_URL"
    return f"VELOX_{'SHARDS' if database in shards else 'DATABASES'}__{database.upper()}"


def _show(copied: Copied) -> None:
    rate = f"{copied.copied / copied.took_s:,.0f} rows/s" if copied.copied else ""
    line = f"  {copied.table:<24}{copied.rows:>12,} rows  {rate}"
    if copied.done:
        note(line.rstrip())
    elif sys.stderr.isatty():
        click.echo(f"{line}\r", err=True, nl=False)
