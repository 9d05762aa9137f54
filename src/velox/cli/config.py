"""``velox config``: every effective setting and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from velox.cli.console import json_line, note, style

if TYPE_CHECKING:
    from velox.settings import Settings

__all__ = ["config"]


@click.command(short_help="Show every setting with its source; secrets are masked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def config(as_json: bool) -> None:
    """Show every setting with its value and its source; secrets and passwords are masked.

    Sources, the strongest first: option, argument, environment, .env, velox.toml, default.

    \b
    Example:
      VELOX_PORT=9000 velox config
    """
    settings = _settings()
    rows = [(name, value, settings.source_of(name)) for name, value in settings.displayed().items()]
    if as_json:
        json_line({name: {"value": value, "source": source} for name, value, source in rows})
        return
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        origin = source if source == "default" else style(source, "green")
        click.echo(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")


def _settings() -> Settings:
    """The settings of the project's app, or Velox's own where no app can be made (that is when one looks)."""
    from velox.cli.loading import load_app
    from velox.errors import ConfigurationError
    from velox.settings import Launch

    try:
        return load_app().settings
    except ConfigurationError as error:
        if error.code in {"VX301", "VX302", "VX304"}:
            raise
        note(f"without the project's own settings: {error.code} {error.message}")
        return Launch()
