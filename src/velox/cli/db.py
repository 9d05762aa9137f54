"""``velox db``: the commands about what is in the database."""

from __future__ import annotations

import click

from velox.cli.lazygroup import LazyGroup

__all__ = ["SUBCOMMANDS", "db"]

# name: (module, one line of help), as in velox.cli.main.
SUBCOMMANDS = {
    "shell": ("velox.cli.db_shell", "Type SQL: the database's own client, or a plain prompt."),
    "seed": ("velox.cli.db_seed", "Fill it with what app/seed.py says."),
    "reset": ("velox.cli.db_reset", "Empty it, and migrate it anew; never in production."),
    "dump": ("velox.cli.db_dump", "Write all rows as JSON lines."),
    "load": ("velox.cli.db_load", "Read rows that dump wrote, into an empty database."),
    "backup": ("velox.cli.db_backup", "Copy a SQLite database that is in use, and check the copy."),
    "promote": ("velox.cli.db_promote", "Move from SQLite to a server: every row copied, and compared."),
    "explain": ("velox.cli.db_explain", "Draw the plan of a statement, or of all that a request takes."),
    "advise": ("velox.cli.db_advise", "Which indexes would help, measured on a copy; which ones do not."),
    "inspect": ("velox.cli.db_inspect", "Write models for the tables of a database that is there."),
}


@click.group(cls=LazyGroup, table=SUBCOMMANDS)
def db() -> None:
    """What is in the database: look into it, fill it, make it fast, carry it elsewhere.

    \b
    Example:
      velox db shell -c "SELECT count(*) FROM item"
      velox db dump items.jsonl && velox db reset && velox db load items.jsonl
    """
