"""What commands print: errors with code and hint, colour only where someone looks."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import click

from velox.errors import ConfigurationError

__all__ = ["coloured", "debugging", "json_line", "note", "print_error", "style"]


def debugging() -> bool:
    """Whether ``VELOX_DEBUG`` asks for tracebacks."""
    return os.environ.get("VELOX_DEBUG", "") not in {"", "0", "false"}


def coloured(*, stderr: bool = False) -> bool:
    """Whether to colour: on a terminal only, and not if ``NO_COLOR`` is set to anything (https://no-color.org)."""
    stream = sys.stderr if stderr else sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def style(text: str, colour: str, *, stderr: bool = False, bold: bool = False) -> str:
    """``text`` in ``colour`` if the stream shows it."""
    return click.style(text, fg=colour, bold=bold) if coloured(stderr=stderr) else text


def note(text: str) -> None:
    """A line about the work itself, on stderr: stdout is for results."""
    click.echo(text, err=True)


def print_error(error: ConfigurationError) -> None:
    """``error VX102 …`` and a line ``hint …`` on stderr; the traceback only with ``VELOX_DEBUG=1``."""
    if debugging():
        traceback.print_exception(error)
    note(f"{style('error', 'red', stderr=True, bold=True)} {error.code} {error.message}")
    note(f"  {style('hint', 'cyan', stderr=True)} {error.hint}")


def json_line(value: Any) -> None:
    """Print ``value`` as indented JSON on stdout."""
    import json

    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))
