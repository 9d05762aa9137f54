"""``velox migrate``: bring the database to the newest migration, or to another one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from velox.cli.console import style
from velox.cli.project import Project, open_project
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.db.database import Part
    from velox.db.migrations.history import Step
    from velox.db.migrations.moving import Done

__all__ = ["migrate"]


@click.command()
@click.argument("target", default="latest")
@click.option("--plan", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--check", is_flag=True, help="Do nothing; exit 1 when the database is behind, or not as the models say.")
@click.option("--fake", is_flag=True, help="Only note that it was done: for a database that is there already.")
@click.option("--database", metavar="NAME", help="Only this one: main, a name of the settings, or shards.")
def migrate(target: str, plan: bool, check: bool, fake: bool, database: str | None) -> None:
    """Apply the migrations up to TARGET, each in a transaction of its own, or take back those that come after it.

    TARGET is a migration or the beginning of its name (0002), "latest", or "zero" for an empty database. Two processes
    may migrate at the same time: the second waits. On SQLite and PostgreSQL, a migration that fails or is killed leaves
    nothing behind; MariaDB cannot undo changes of the schema.

    Each database of the settings has a folder of its own below migrations/ and is migrated after the main one; the
    shards have one together. One that fails leaves those before it migrated, and the next run goes on there. A TARGET
    other than "latest" is for one database.

    \b
    Example:
      velox migrate
      velox migrate 0001
    """
    project = open_project()
    if database is None and target != "latest":
        database = "main"
    work = _check if check else partial(_plan, target=target) if plan else partial(_migrate, target=target, fake=fake)
    for group in project.groups(database):
        group.headline()
        work(group)


def _migrate(project: Project, target: str, *, fake: bool) -> None:
    from velox.db.migrations.moving import migrate

    if not len(project.history):
        click.echo(f"No migrations in {project.folder}/. Write the first: velox makemigrations.")
        return

    async def work(part: Part) -> None:
        where = f"  {part.name}" if len(project.parts) > 1 else ""

        def report(done: Done) -> None:
            _show(done, fake=fake, where=where)

        database = part.database.alone()
        try:
            done = await migrate(database, project.history, target, fake=fake, report=report)
        except ConfigurationError as error:
            if where:
                message = f"{part.name}: {error.message}"
                raise ConfigurationError(error.code, message, hint=error.hint) from error
            raise
        if not done:
            click.echo(f"Nothing to do: {database.display_url} is at {target}.")

    project.run_parts(work)


def _show(done: Done, *, fake: bool, where: str) -> None:
    verb, colour = {"up": ("applied", "green"), "down": ("undid", "yellow")}[done.step.direction]
    if fake:
        verb = "noted"
    click.echo(f"  {style(f'{verb:<8}', colour)}{done.step.revision.id}  {done.took_s * 1000:.0f} ms{where}")


def _plan(project: Project, target: str) -> None:
    from velox.db.migrations.moving import applied_heads

    async def work(part: Part) -> tuple[Step, ...]:
        return project.history.route(await applied_heads(part.database), project.history.find(target))

    planned = project.run_parts(work)
    for part, steps in zip(project.parts, planned, strict=True):
        for step in steps:
            verb = {"up": "apply", "down": "undo"}[step.direction]
            where = f"  {part.name}" if len(project.parts) > 1 else ""
            click.echo(f"  {verb:<6}{step.revision.id}  {step.revision.title}{where}")
    if not any(planned):
        click.echo("Nothing to do.")


def _check(project: Project) -> None:
    from velox.db.migrations.drift import drift_of
    from velox.db.migrations.moving import applied_heads

    async def work(part: Part) -> tuple[tuple[str, ...], list[str]]:
        pending = project.history.pending(await applied_heads(part.database))
        drift = [] if pending else await drift_of(part.database.alone(), part.metadata)
        return tuple(each.id for each in pending), drift

    for part, (pending, drift) in zip(project.parts, project.run_parts(work), strict=True):
        for revision in pending:
            click.echo(f"  pending {revision}")
        for text in drift:
            click.echo(f"  {text}")
        what = part.name or "the database"
        if pending:
            raise ConfigurationError(
                "VX409", f"{what} is behind by {len(pending)}: {', '.join(pending)}", hint="Run: velox migrate."
            )
        if drift:
            raise ConfigurationError(
                "VX406",
                f"{what} is not as the models say, though all migrations are applied",
                hint="If the models changed: velox makemigrations. If somebody changed the database, change it back.",
            )
        click.echo(f"{part.database.display_url} is up to date, and as the models say.")
