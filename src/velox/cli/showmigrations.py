"""``velox showmigrations``: which migrations there are, and which the database has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from velox.cli.console import json_line, style
from velox.cli.project import Project, open_project

if TYPE_CHECKING:
    from velox.db.database import Part

__all__ = ["showmigrations"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--database", metavar="NAME", help="Only this one: main, a name of the settings, or shards.")
def showmigrations(as_json: bool, database: str | None) -> None:
    """List the migrations in order; an x marks those that the database has seen.

    \b
    Example:
      velox showmigrations
    """
    groups = open_project().groups(database)
    found = [(group, part, rows) for group in groups for part, rows in _rows(group)]
    if as_json:
        json_line(
            [
                {"applied": done, "id": revision, "title": title, **({"database": part.name} if part.name else {})}
                for _, part, rows in found
                for done, revision, title in rows
            ]
        )
        return
    for group, part, rows in found:
        if len(found) > 1:
            click.echo(style(part.name or "main", "cyan", bold=True))
        width = max((len(revision) for _, revision, _ in rows), default=0)
        for done, revision, title in rows:
            mark = style("[x]", "green") if done else style("[ ]", "yellow")
            click.echo(f"{mark} {revision:<{width}}  {title}")
        if not rows:
            click.echo(f"No migrations in {group.folder}/. Write the first: velox makemigrations.")


def _rows(group: Project) -> list[tuple[Part, list[tuple[bool, str, str]]]]:
    """What each database of the group has seen."""
    from velox.db.migrations.moving import applied_heads

    async def work(part: Part) -> list[tuple[bool, str, str]]:
        applied = group.history.up_to(await applied_heads(part.database))
        return [(each.id in applied, each.id, each.title) for each in group.history.revisions]

    return list(zip(group.parts, group.run_parts(work), strict=True))
