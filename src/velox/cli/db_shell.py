"""``velox db shell``: SQL, in the database's own client or in a plain prompt."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from velox.cli.console import note
from velox.cli.loading import load_app
from velox.errors import EXIT_FAILURE

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["client_of", "shell"]

SHOWN_WIDTH = 60
"""Characters of a value before it is cut."""


@click.command()
@click.option("-c", "statement", metavar="SQL", help="Run SQL, print its rows, and exit.")
@click.option("--plain", is_flag=True, help="Do not look for sqlite3, psql or mariadb.")
def shell(statement: str | None, plain: bool) -> None:
    """Open sqlite3, psql or mariadb on the project's database; where it is not installed, a plain prompt for SQL.

    \b
    Example:
      velox db shell
      velox db shell -c "SELECT name, price FROM item"
    """
    app = load_app()
    if statement is None and not plain and sys.stdin.isatty() and (found := client_of(app.settings.database_url)):
        command, secret = found
        os.execvpe(command[0], command, {**os.environ, **secret})  # noqa: S606 - the client takes over the terminal
    failed = _run(app, [statement] if statement is not None else _typed())
    if statement is not None and failed:
        sys.exit(EXIT_FAILURE)


def client_of(url: str) -> tuple[list[str], dict[str, str]] | None:
    """The database's own client, if it is installed: its command line, and the password as a variable.

    On a command line, every user of the machine could read a password.
    """
    parts = urlsplit(url)
    server = parts.scheme.partition("+")[0]
    if server == "sqlite":
        path = unquote(parts.path.removeprefix("/")) or ":memory:"
        return (["sqlite3", "-header", "-column", path], {}) if shutil.which("sqlite3") else None
    user, name = unquote(parts.username or ""), unquote(parts.path.removeprefix("/"))
    host, port, password = parts.hostname or "localhost", parts.port, unquote(parts.password or "")
    if server == "postgresql" and shutil.which("psql"):
        command = ["psql", "-h", host, *_option("-p", port), *_option("-U", user), "-d", name]
        return command, {"PGPASSWORD": password} if password else {}
    program = shutil.which("mariadb") or shutil.which("mysql")
    if server in {"mariadb", "mysql"} and program:
        command = [program, "-h", host, *_option("-P", port), *_option("-u", user), name]
        return command, {"MYSQL_PWD": password} if password else {}
    return None


def _option(name: str, value: object) -> list[str]:
    return [name, str(value)] if value else []


def _typed() -> Iterable[str]:
    """What is typed, statement by statement; one ends with a semicolon."""
    if sys.stdin.isatty():
        note("SQL, ended by a semicolon; leave with Ctrl-D. Each statement is committed.")
    lines: list[str] = []
    while True:
        try:
            lines.append(input("...> " if lines else "sql> ") if sys.stdin.isatty() else input())
        except EOFError:
            break
        if lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
    if "".join(lines).strip():
        yield "\n".join(lines)


def _run(app: Velox, statements: Iterable[str]) -> bool:
    """Run each, print its rows; whether one failed."""
    import asyncio

    from velox.db.upkeep.statements import refusal, run_statement

    failed = False
    with asyncio.Runner() as runner:
        runner.run(app.database.start())
        try:
            for statement in statements:
                try:
                    columns, rows = runner.run(run_statement(app.database, statement))
                except Exception as error:
                    reason = refusal(error)
                    if reason is None:
                        raise
                    failed = True
                    note(reason)
                else:
                    _print(columns, rows)
        finally:
            runner.run(app.database.stop())
    return failed


def _print(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if not columns:
        return
    table = [list(columns), *([_shown(value) for value in row] for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    for number, row in enumerate(table):
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            click.echo("  ".join("-" * width for width in widths))


def _shown(value: object) -> str:
    text = "NULL" if value is None else " ".join(str(value).split())
    return text if len(text) <= SHOWN_WIDTH else f"{text[: SHOWN_WIDTH - 1]}…"
