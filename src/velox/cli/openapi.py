"""``velox openapi``: the document as a file, and the check that the file is the app's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from velox.cli.console import note
from velox.errors import EXIT_USAGE, ConfigurationError

__all__ = ["openapi"]

_DEFAULT_FILE = "openapi.json"


@click.command(short_help="Write the OpenAPI document, or check a written one.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Write to this file instead of the screen.")
@click.option("--check", is_flag=True, help=f"Exit 1 if the file (--out, or {_DEFAULT_FILE}) differs from the app.")
def openapi(out: Path | None, check: bool) -> None:
    """Write the app's OpenAPI 3.1 document, or check that a written one is still true (for CI).

    \b
    Example:
      velox openapi --out openapi.json
      velox openapi --out openapi.json --check
    """
    from velox.cli.loading import load_app

    app = load_app()
    app.compile()
    document = app.openapi()
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if check:
        _compare(out or Path(_DEFAULT_FILE), text)
    elif out is None:
        click.echo(text, nl=False)
    else:
        _write(out, text)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigurationError(
            "VX106",
            f"{file} cannot be written: {error.strerror}",
            hint="Name another file with --out.",
            exit_code=EXIT_USAGE,
        ) from error
    note(f"wrote {file}")


def _compare(file: Path, text: str) -> None:
    hint = f"Write it anew: velox openapi --out {file}"
    try:
        written = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise ConfigurationError("VX702", f"{file} cannot be compared: {reason}", hint=hint) from error
    place = _difference(written, json.loads(text))
    if place is not None:
        raise ConfigurationError("VX702", f"{file} differs from the app at {place or 'the top'}", hint=hint)
    note(f"{file} is the app's")


def _difference(left: Any, right: Any, pointer: str = "") -> str | None:
    """The JSON Pointer (RFC 6901) of the first difference; None when there is none."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            here = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in left or key not in right:
                return here
            found = _difference(left[key], right[key], here)
            if found is not None:
                return found
        return None
    return None if left == right else pointer
