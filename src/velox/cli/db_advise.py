"""``velox db advise``: indexes that would help what the project asks its database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from velox.cli.console import note
from velox.cli.db_explain import QUIET, refuse_changes
from velox.cli.loading import load_app
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.cli.requesting import Request
    from velox.db.advice.advising import Advice
    from velox.db.advice.workload import Workload

__all__ = ["advise"]

STATEMENT_TIMEOUT_S = 300.0
"""To make an index on a copy may take longer than an answer may."""


@click.command()
@click.option(
    "--workload",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The statements: a workload that an app has recorded, or SQL in a file named .sql.",
)
@click.option(
    "--route", "routes", multiple=True, metavar="ROUTE", help="Those of a request; may be given several times."
)
@click.option("--url", help="The database to copy. Default: the setting database_url.")
@click.option("--rows", type=click.IntRange(1000), default=200_000, show_default=True, help="Rows to copy of a table.")
@click.option("--yes", is_flag=True, help="Also send a route that is no GET; what it does to the database is undone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def advise(*, file: Path | None, routes: tuple[str, ...], url: str | None, rows: int, yes: bool, as_json: bool) -> None:
    """Propose indexes for what was asked of the database, and name those that are of no use.

    In dev, an app remembers its statements in .velox/workload.jsonl; VELOX_DATABASE_WORKLOAD=tests.jsonl pytest records
    those of the tests. Each index that might help is made on a copy and measured: how much faster the statements get,
    its size, and what a new row costs. The database itself is only read.

    \b
    Example:
      velox db advise
      velox db advise --route "GET /items/?sort=-price"
      velox db advise --workload slow.sql --json
    """
    from velox.db.advice import report

    requests = [_request(route, yes=yes) for route in routes]
    app = load_app(**QUIET)
    workload = _read(file, app.database.engine.url.get_backend_name())
    for request in requests:
        asyncio.run(_record(request, workload))
    if not len(workload):
        raise ConfigurationError(
            "VX443",
            "no statement was observed",
            hint="Use the app in dev for a while (velox run), or name routes: velox db advise --route 'GET /items/'.",
        )
    found = asyncio.run(_advise(url or app.settings.database_url, workload, rows))
    dialect = app.database.engine.url.get_backend_name()
    if as_json:
        click.echo(json.dumps(report.as_json(found, dialect), indent=2))
        return
    for line in report.as_lines(found, dialect):
        click.echo(line)


def _request(text: str, *, yes: bool) -> Request:
    from velox.cli.requesting import Request

    request = Request.parse(text)
    if request is None:
        raise ConfigurationError("VX106", f"{text!r} is no route", hint="Write --route 'GET /items/?limit=5'.")
    refuse_changes(request, yes=yes)
    return request


def _read(file: Path | None, dialect: str) -> Workload:
    """The workload in ``file``; without a name, what an app in dev has left."""
    from velox.app.observed import WORKLOAD
    from velox.db.advice.uses import split
    from velox.db.advice.workload import Kind, Workload
    from velox.settings import Launch

    if file is None:
        return Workload.read(Path(Launch().database_workload or WORKLOAD))
    if file.suffix == ".sql":
        return Workload(Kind(sql, 1) for sql in split(file.read_text(encoding="utf-8"), dialect))
    return Workload.read(file)


async def _record(request: Request, workload: Workload) -> None:
    from velox.cli.requesting import requested

    async with requested(load_app(**QUIET), request) as (status, seen):
        note(f"{request.method} {request.target} answers {status}, with {len(seen)} statements")
        for each in seen:
            workload.note(each)


async def _advise(url: str, workload: Workload, rows: int) -> Advice:
    from velox.db import Database
    from velox.db.advice.advising import advise

    database = Database(url, statement_timeout_s=STATEMENT_TIMEOUT_S)
    await database.start()
    try:
        return await advise(database, workload, rows=rows)
    finally:
        await database.stop()
