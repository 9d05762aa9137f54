"""``velox db explain``: what the database does for a request, or for a statement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from velox.cli.console import note
from velox.cli.loading import load_app
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.cli.requesting import Request
    from velox.db.advice.plan import Plan
    from velox.db.observing import Seen

__all__ = ["QUIET", "explain", "refuse_changes"]

QUIET: dict[str, Any] = {"database_slow_s": 0, "database_repeated": 0, "database_workload": ""}
"""What a command asks the database is nobody's workload."""


@click.command()
@click.argument("route_or_sql")
@click.option(
    "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Send it; may be given several times."
)
@click.option("--json", "body", metavar="JSON", help="Send it as the body.")
@click.option("--yes", is_flag=True, help="Also run what changes rows; it is rolled back.")
def explain(route_or_sql: str, headers: tuple[str, ...], body: str | None, yes: bool) -> None:
    """Draw the plan of a statement, or of all that a request takes: rows expected, rows found, and the time.

    A request is answered by the app in this process, and what it did to the database is rolled back; other than a GET,
    it is sent with --yes only. SQL that only reads is run; a change of rows is planned, and with --yes run and undone.

    \b
    Example:
      velox db explain "GET /items/?sort=-price"
      velox db explain "SELECT * FROM item WHERE name = 'Cup'"
    """
    from velox.cli.requesting import Request

    request = Request.parse(route_or_sql, headers, body)
    app = load_app(**QUIET)
    if request is None:
        if headers or body is not None:
            raise ConfigurationError("VX106", "SQL has neither headers nor a body", hint="They belong to a request.")
        lines = asyncio.run(_statement(app, route_or_sql, yes=yes))
    else:
        refuse_changes(request, yes=yes)
        lines = asyncio.run(_route(app, request))
    for line in lines:
        click.echo(line)


def refuse_changes(request: Request, *, yes: bool) -> None:
    """Raise VX441 for a request that may do more than read."""
    if not request.safe and not yes:
        raise ConfigurationError(
            "VX441",
            f"{request.method} {request.target} may change something",
            hint="With --yes it is sent. The database is put back as it was; mail, files and other services are not.",
        )


async def _statement(app: Velox, sql: str, *, yes: bool) -> list[str]:
    from velox.db.advice.explained import plan_of
    from velox.db.advice.explaining import reads

    await app.database.start()
    try:
        plan = await plan_of(app.database, sql, run_changes=yes)
    finally:
        await app.database.stop()
    if plan.ms is None and not reads(sql):
        note("It changes rows, so it was not run. With --yes it is, and is rolled back.")
    return list(_shown(plan))


async def _route(app: Velox, request: Request) -> list[str]:
    from velox.cli.requesting import requested
    from velox.db.advice.explained import plan_of
    from velox.db.advice.explaining import explainable

    async with requested(app, request) as (status, seen):
        kinds: dict[str, list[Seen]] = {}
        for each in seen:
            if explainable(each.sql):
                kinds.setdefault(each.sql, []).append(each)
        plural = "" if len(seen) == 1 else "s"
        lines = [f"{request.method} {request.target} answers {status}, with {len(seen)} statement{plural}"]
        for sql, times in kinds.items():
            count = f"{len(times)} times, " if len(times) > 1 else ""
            lines += ["", f"{times[0].place or 'a library'}: {count}{' '.join(sql.split())}"]
            plan = await plan_of(app.database, sql, times[0].parameters)
            lines += [f"  {line}" for line in _shown(plan)]
    return lines


def _shown(plan: Plan) -> Iterator[str]:
    from velox.db.advice.plan import drawn

    yield from drawn(plan) or ["(one step)"]
    if plan.scanned():
        yield f"It reads {' and '.join(plan.scanned())} as a whole. Which index would help: velox db advise"
