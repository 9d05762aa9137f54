"""``velox db inspect``: models for tables that are there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from velox.errors import ConfigurationError
from velox.settings import Launch

__all__ = ["inspect"]


@click.command()
@click.option("--url", help="The database. Default: the setting database_url.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to stdout.")
@click.option("--table", "tables", multiple=True, help="Only this table; may be given several times.")
def inspect(url: str | None, out: Path | None, tables: tuple[str, ...]) -> None:
    """Write a model for each table of a database: the way in for one that is there already.

    The models say what the database says, so that velox migrate --check finds no difference. Then write the first
    migration, and note that its tables exist:

    \b
    Example:
      velox db inspect --out app/legacy/models.py
      velox makemigrations && velox migrate --fake
    """
    from velox.db import Database
    from velox.db.upkeep.inspecting import models_of

    async def work(database: Database) -> str:
        await database.start()
        try:
            return await models_of(database, only=tables)
        finally:
            await database.stop()

    source = asyncio.run(work(Database(url or Launch().database_url)))
    if out is None:
        click.echo(source, nl=False)
        return
    if out.exists():
        raise ConfigurationError("VX502", f"{out} is there already", hint="Name another file, or move it away.")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(source, encoding="utf-8")
    click.echo(f"Wrote {out}.")
