"""``velox makemigrations``: write what the models have and the migrations do not make."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from velox.cli.console import note, style
from velox.cli.project import Project, open_project
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.db import Database
    from velox.db.migrations.choices import Choices
    from velox.db.migrations.drafting import Draft
    from velox.db.migrations.making import NewFile
    from velox.db.migrations.proving import Proof

__all__ = ["makemigrations"]

_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


class Pair(click.ParamType[object]):
    """``old:new`` or ``column=value``."""

    name = "pair"

    def __init__(self, separator: str) -> None:
        self.separator = separator

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str] | object:
        if not isinstance(value, str):
            return value
        before, found, after = value.partition(self.separator)
        if not found or not before:
            self.fail(f"{value!r} has no {self.separator!r} in it", param, ctx)
        return before, after


@click.command()
@click.option("--message", "-m", metavar="TEXT", help="What it is about. Default: what changes.")
@click.option("--name", help="The file's name, without the number. Default: made of the message.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when models and migrations differ.")
@click.option("--empty", is_flag=True, help="Write one to be filled by hand: to change rows, say.")
@click.option("--merge", is_flag=True, help="Join migrations that were written side by side.")
@click.option(
    "--rename",
    "renames",
    type=Pair(":"),
    multiple=True,
    metavar="OLD:NEW",
    help="A column (link.url:target) or a table (link:short_link) has another name; it keeps what is in it.",
)
@click.option("--no-rename", is_flag=True, help="Nothing was renamed: what is gone is dropped.")
@click.option(
    "--default",
    "defaults",
    type=Pair("="),
    multiple=True,
    metavar="TABLE.COLUMN=VALUE",
    help="What rows that are there already get in a new column.",
)
@click.option("--drop-all", is_flag=True, help="There are no models any more: dropping every table is meant.")
@click.option("--database", metavar="NAME", help="Only this one: main, a name of the settings, or shards.")
def makemigrations(
    *,
    message: str | None,
    name: str | None,
    check: bool,
    empty: bool,
    merge: bool,
    renames: Sequence[tuple[str, str]],
    no_rename: bool,
    defaults: Sequence[tuple[str, str]],
    drop_all: bool,
    database: str | None,
) -> None:
    """Compare the models with the migrations, and write the next migration into the project's folder migrations/.

    It is proved before it is written: up, the same as the models, down, as before, up again; on an empty clone of the
    database, and on a copy with its rows (SQLite). The database itself is not touched: velox migrate does that.

    Each database of the settings has a folder of its own below migrations/; the shards have one together.

    Where a column is gone and another is new, you are asked whether it was renamed; where rows need a value, which.
    Without a terminal, --rename, --no-rename and --default answer.

    \b
    Example:
      velox makemigrations
      velox makemigrations --rename link.url:target --default link.hits=0
      velox makemigrations --check
    """
    from velox.db.migrations.choices import Choices

    asks = sys.stdin.isatty() and not check
    choices = Choices(
        renames=dict(renames),
        keeps_apart=no_rename or check,
        defaults=dict(defaults),
        ask_rename=_ask_rename if asks else None,
        ask_default=_ask_default if asks else None,
        allow_empty=drop_all,
    )
    project = open_project()
    if merge or empty:
        (group,) = project.groups(database or "main")
        _write_by_hand(group, message=message, name=name, merging=merge)
        return
    for group in project.groups(database):
        group.headline()
        if check:
            _check(group, choices)
        else:
            _write_changes(group, choices, message=message, name=name)


def _check(project: Project, choices: Choices) -> None:
    from velox.db.migrations.cloning import empty_clone
    from velox.db.migrations.making import compare

    async def work(database: Database) -> Draft | None:
        async with empty_clone(database) as clone:
            return await compare(clone, project.history, project.metadata, choices)

    drafted = project.run(work)
    if drafted is None:
        click.echo("No changes: the migrations make what the models say.")
        return
    _show(drafted)
    raise ConfigurationError(
        "VX406", "the models have changes that no migration makes", hint="Write one: velox makemigrations."
    )


def _write_changes(project: Project, choices: Choices, *, message: str | None, name: str | None) -> None:
    from velox.db.migrations.cloning import empty_clone
    from velox.db.migrations.making import compare, new_file, write_proved

    async def work(database: Database) -> None:
        async with empty_clone(database) as clone:
            drafted = await compare(clone, project.history, project.metadata, choices)
            if drafted is None:
                click.echo("No changes: the migrations make what the models say. Nothing was written.")
                return
            _show(drafted)
            file = new_file(project.history, drafted, title=message, name=name)
            proof = await write_proved(file, clone, database, project.history, project.metadata, folder=project.folder)
        _report(project, file, proof, follows_models=True)

    project.run(work)


def _write_by_hand(project: Project, *, message: str | None, name: str | None, merging: bool) -> None:
    from velox.db.migrations.cloning import empty_clone
    from velox.db.migrations.making import blank, merge, write_proved

    title = message or name or "By hand"
    file = merge(project.history) if merging else blank(project.history, title=title, name=name)
    if file is None:
        click.echo("There is one newest migration: nothing to join.")
        return

    async def work(database: Database) -> Proof:
        async with empty_clone(database) as clone:
            return await write_proved(file, clone, database, project.history, None, folder=project.folder)

    _report(project, file, project.run(work), follows_models=merging)


def _report(project: Project, file: NewFile, proof: Proof, *, follows_models: bool) -> None:
    place = project.folder / f"{file.id}.py"
    click.echo(f"{style('wrote', 'green')}   {place}")
    rows = "1 row" if proof.rows == 1 else f"{proof.rows} rows"
    where = "an empty clone" if proof.rows is None else f"a copy of the database ({rows})"
    seen = "up, same as the models, down, up" if follows_models else "up, down, up"
    click.echo(f"{style('proved', 'green')}  {seen}: on {where}")
    if proof.remark:
        note(f"{style('note', 'yellow', stderr=True)} {proof.remark}")
    edit = "" if follows_models else f"\n  edit {place}"
    click.echo(f"\nNext:{edit}\n  velox migrate")


def _show(drafted: Draft) -> None:
    for change in drafted.changes:
        click.echo(f"  {style(change.sign, _COLOURS[change.sign], bold=True)} {change.text}")
    for text in drafted.notes:
        click.echo(f"    {text}")
    for text in drafted.warnings:
        note(f"{style('warning', 'yellow', stderr=True)} {text}")


def _ask_rename(old: str, new: str) -> bool:
    return click.confirm(f"Was {old} renamed to {new}? (No: it is dropped, with what is in it)", default=True)


def _ask_default(column: str) -> str:
    answer: str = click.prompt(f"What do existing rows get in {column}?")
    return answer
