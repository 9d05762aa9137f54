"""``velox sqlmigrate``: the SQL of one migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from velox.cli.console import note, style
from velox.cli.project import open_project
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.db import Database

__all__ = ["sqlmigrate"]


@click.command()
@click.argument("revision")
@click.option("--back", is_flag=True, help="The SQL that takes it back.")
@click.option("--database", default="main", metavar="NAME", help="Whose: main, a name of the settings, or shards.")
def sqlmigrate(revision: str, back: bool, database: str) -> None:
    """Print what the migration REVISION (or the beginning of its name) says to the database.

    It is run on an empty clone, and what the server gets is printed; there are no rows for it to change.

    \b
    Example:
      velox sqlmigrate 0002
    """
    from velox.db.migrations.history import Step
    from velox.db.migrations.sql import statements_of

    (project,) = open_project().groups(database)
    found = project.history.find(revision)
    if len(found) != 1:
        raise ConfigurationError("VX404", f"{revision!r} is no migration", hint="Name one: velox showmigrations.")
    step = Step(project.history[found[0]], "down" if back else "up")

    async def work(on: Database) -> tuple[list[str], str | None]:
        return await statements_of(on, project.history, step)

    statements, remark = project.run(work)
    if remark:
        note(f"{style('note', 'yellow', stderr=True)} {remark}")
    click.echo("\n".join(statements) or "-- nothing")
