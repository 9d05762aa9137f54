"""``velox db backup``: a copy of the SQLite database, while it is in use."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from velox.units import format_size

if TYPE_CHECKING:
    from velox.db import Database

__all__ = ["backup"]


@click.command(short_help="Copy the SQLite database to a file, while it is in use.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the SQLite database to FILE, as of one moment; the server goes on meanwhile.

    The copy is checked (pages, indexes, references) before it takes the place of a FILE that is there already. A
    database with a server has tools of its own: pg_dump, mariadb-dump.

    \b
    Example:
      velox db backup /var/backups/app.db
    """
    from velox.cli.loading import load_app

    database = load_app().database
    asyncio.run(_write(database, file))
    click.echo(f"{database.display_url} is in {file} ({format_size(file.stat().st_size)}, checked)")


async def _write(database: Database, file: Path) -> None:
    await database.start()
    try:
        await database.backup(file)
    finally:
        await database.stop()
