"""``velox db reset``: an empty database, with all tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from velox.cli.project import open_project
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.db.database import Part
    from velox.db.migrations.history import History

__all__ = ["reset"]


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--seed", "seeds", is_flag=True, help="Seed it afterwards.")
def reset(yes: bool, seeds: bool) -> None:
    """Drop every table of the project's databases, and apply all migrations (without any: create the models' tables).

    It asks first, and refuses in production.

    \b
    Example:
      velox db reset --seed
    """
    from velox.db.migrations.clearing import drop_everything
    from velox.db.migrations.moving import migrate

    project = open_project()
    settings, database = project.app.settings, project.app.database
    shown = ", ".join(each.display_url for each in (database, *database.others.values()))
    if settings.production:
        raise ConfigurationError(
            "VX412",
            f"env is prod: {shown} is not emptied",
            hint="Set VELOX_ENV to what it is, if it is not production.",
        )
    if not yes:
        click.confirm(f"Drop every table of {shown}?", abort=True)

    async def work(part: Part, history: History) -> None:
        database = part.database.alone()
        dropped = await drop_everything(database)
        where = f" of {part.name}" if part.name else ""
        click.echo(f"  dropped {len(dropped)} table{'' if len(dropped) == 1 else 's'}{where}")
        if len(history):
            for done in await migrate(database, history):
                click.echo(f"  applied {done.step.revision.id}")
        else:
            for table in await database.create_tables(part.metadata):
                click.echo(f"  created {table}")

    for group in project.groups():  # the main one first: it says what is on which shard
        group.run_parts(partial(work, history=group.history))
    if seeds:
        from velox.cli.db_seed import seed

        seed.main([], standalone_mode=False)
