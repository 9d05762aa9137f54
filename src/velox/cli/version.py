"""``velox version``: what a bug report needs."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import click

from velox.cli.console import json_line

__all__ = ["version", "versions"]

_PACKAGES = ("sanic", "uvloop", "httptools", "sqlmodel", "sqlalchemy", "pydantic", "pydantic-settings")


def versions() -> dict[str, str]:
    """Velox, Python, the system, and the packages Velox stands on; ``"not installed"`` where one is missing."""
    found = {"velox": package_version("velox-framework"), "python": platform.python_version()}
    found["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    found["executable"] = sys.executable
    return found | {name: package_version(name) for name in _PACKAGES}


def package_version(name: str) -> str:
    """The installed version of the distribution ``name``."""
    try:
        return installed(name)
    except PackageNotFoundError:
        return "not installed"


@click.command(short_help="Show the versions for a bug report.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(as_json: bool) -> None:
    """Show the versions of Velox, Python and the packages below, for a bug report.

    \b
    Example:
      velox version --json
    """
    found = versions()
    if as_json:
        json_line(found)
        return
    for name, value in found.items():
        click.echo(f"{name:<18} {value}")
