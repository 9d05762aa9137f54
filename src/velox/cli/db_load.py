"""``velox db load``: rows that ``velox db dump`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from velox.cli.project import open_project
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.db import Database

__all__ = ["load"]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Delete the rows that are there first; never in production.")
@click.option("--database", default="main", metavar="NAME", help="Which: main, or a name of the settings.")
def load(file: Path, replace: bool, database: str) -> None:
    """Read the rows of FILE into the project's main database, or another one, in one transaction: all of them or none.

    The database has to be at the migration that the dump was made at, and its tables empty.

    \b
    Example:
      velox db load backup.jsonl
    """
    from velox.db.upkeep.loading import load_rows

    project = open_project().at(database)
    if replace and project.app.settings.production:
        raise ConfigurationError(
            "VX412", "env is prod: its rows are not replaced", hint="Load into an empty database instead."
        )

    async def work(on: Database) -> int:
        with file.open(encoding="utf-8") as stream:
            return await load_rows(on, project.metadata, stream, replace=replace)

    count = project.run(work)
    click.echo(f"Loaded {count} row{'' if count == 1 else 's'}.")
