"""``velox showmigrations``: which migrations there are, and which the database has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from velox.cli.console import json_line, style
from velox.cli.project import open_project

if TYPE_CHECKING:
    from velox.db import Database

__all__ = ["showmigrations"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def showmigrations(as_json: bool) -> None:
    """List the migrations in order; an x marks those that the database has seen.

    \b
    Example:
      velox showmigrations
    """
    from velox.db.migrations.moving import applied_heads

    project = open_project()

    async def work(database: Database) -> set[str]:
        return project.history.up_to(await applied_heads(database))

    applied = project.run(work)
    rows = [(each.id in applied, each.id, each.title) for each in project.history.revisions]
    if as_json:
        json_line([{"applied": done, "id": revision, "title": title} for done, revision, title in rows])
        return
    width = max((len(revision) for _, revision, _ in rows), default=0)
    for done, revision, title in rows:
        mark = style("[x]", "green") if done else style("[ ]", "yellow")
        click.echo(f"{mark} {revision:<{width}}  {title}")
    if not rows:
        click.echo(f"No migrations in {project.folder}/. Write the first: velox makemigrations.")
