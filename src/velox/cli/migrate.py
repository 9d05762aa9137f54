"""``velox migrate``: bring the database to the newest migration, or to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from velox.cli.console import style
from velox.cli.project import Project, open_project
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.db import Database
    from velox.db.migrations.history import Step
    from velox.db.migrations.moving import Done

__all__ = ["migrate"]


@click.command()
@click.argument("target", default="latest")
@click.option("--plan", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--check", is_flag=True, help="Do nothing; exit 1 when the database is behind, or not as the models say.")
@click.option("--fake", is_flag=True, help="Only note that it was done: for a database that is there already.")
def migrate(target: str, plan: bool, check: bool, fake: bool) -> None:
    """Apply the migrations up to TARGET, each in a transaction of its own, or take back those that come after it.

    TARGET is a migration or the beginning of its name (0002), "latest", or "zero" for an empty database. Two processes
    may migrate at the same time: the second waits. On SQLite and PostgreSQL, a migration that fails or is killed leaves
    nothing behind; MariaDB cannot undo changes of the schema.

    \b
    Example:
      velox migrate
      velox migrate 0001
    """
    project = open_project()
    if check:
        _check(project)
    elif plan:
        _plan(project, target)
    else:
        _migrate(project, target, fake=fake)


def _migrate(project: Project, target: str, *, fake: bool) -> None:
    from velox.db.migrations.moving import migrate

    if not len(project.history):
        click.echo(f"No migrations in {project.folder}/. Write the first: velox makemigrations.")
        return

    async def work(database: Database) -> list[Done]:
        return await migrate(database, project.history, target, fake=fake, report=lambda done: _show(done, fake=fake))

    if not project.run(work):
        click.echo(f"Nothing to do: {project.app.database.display_url} is at {target}.")


def _show(done: Done, *, fake: bool) -> None:
    verb, colour = {"up": ("applied", "green"), "down": ("undid", "yellow")}[done.step.direction]
    if fake:
        verb = "noted"
    click.echo(f"  {style(f'{verb:<8}', colour)}{done.step.revision.id}  {done.took_s * 1000:.0f} ms")


def _plan(project: Project, target: str) -> None:
    from velox.db.migrations.moving import applied_heads

    async def work(database: Database) -> tuple[Step, ...]:
        return project.history.route(await applied_heads(database), project.history.find(target))

    steps = project.run(work)
    for step in steps:
        verb = {"up": "apply", "down": "undo"}[step.direction]
        click.echo(f"  {verb:<6}{step.revision.id}  {step.revision.title}")
    if not steps:
        click.echo("Nothing to do.")


def _check(project: Project) -> None:
    from velox.db import Model
    from velox.db.migrations.drift import drift_of
    from velox.db.migrations.moving import applied_heads

    async def work(database: Database) -> tuple[tuple[str, ...], list[str]]:
        pending = project.history.pending(await applied_heads(database))
        return tuple(each.id for each in pending), [] if pending else await drift_of(database, Model.metadata)

    pending, drift = project.run(work)
    for revision in pending:
        click.echo(f"  pending {revision}")
    for text in drift:
        click.echo(f"  {text}")
    if pending:
        raise ConfigurationError(
            "VX409", f"the database is behind by {len(pending)}: {', '.join(pending)}", hint="Run: velox migrate."
        )
    if drift:
        raise ConfigurationError(
            "VX406",
            "the database is not as the models say, though all migrations are applied",
            hint="If the models changed: velox makemigrations. If somebody changed the database, change it back.",
        )
    click.echo(f"{project.app.database.display_url} is up to date, and as the models say.")
