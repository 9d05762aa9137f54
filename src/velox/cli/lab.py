"""``velox lab``: experiments on this machine, with a report."""

from __future__ import annotations

import click

from velox.cli.lazygroup import LazyGroup

__all__ = ["SUBCOMMANDS", "lab"]

# name: (module, one line of help), as in velox.cli.main.
SUBCOMMANDS = {
    "indexes": ("velox.cli.lab_indexes", "Measure kinds of indexes against kinds of questions."),
}


@click.group(cls=LazyGroup, table=SUBCOMMANDS)
def lab() -> None:
    """Experiments that show on this machine what is fast, and why.

    \b
    Example:
      velox lab indexes --rows 200000
    """
