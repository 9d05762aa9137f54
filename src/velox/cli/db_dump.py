"""``velox db dump``: all rows as JSON lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from velox.cli.console import note
from velox.cli.project import open_project

if TYPE_CHECKING:
    from velox.db import Database

__all__ = ["dump"]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--database", default="main", metavar="NAME", help="Which: main, or a name of the settings.")
def dump(file: Path | None, database: str) -> None:
    """Write every row of the models' tables to FILE, or to standard output: one JSON object a line, tables in the order
    in which they refer to each other, as one consistent state.

    It can be loaded on another kind of server. Passwords' digests and the like are in it: keep it as you keep the
    database.

    \b
    Example:
      velox db dump backup.jsonl
    """
    from velox.db.upkeep.dumping import dump_rows

    project = open_project().at(database)

    def work_on(stream: TextIO) -> int:
        async def work(on: Database) -> int:
            return await dump_rows(on, project.metadata, stream)

        return project.run(work)

    if file is None:
        count = work_on(sys.stdout)
    else:
        partial = file.with_name(f".{file.name}.partial")
        partial.touch(mode=0o600)
        with partial.open("w", encoding="utf-8", newline="\n") as stream:
            count = work_on(stream)
        partial.replace(file)
    note(f"Wrote {count} row{'' if count == 1 else 's'}.")
