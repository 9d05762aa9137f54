"""``velox makeproject``: write a new project that runs, is typed and has passing tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import click

from velox.cli.fields import FieldSpec, parse_fields
from velox.cli.makeapp import account_files, feature_files
from velox.cli.names import check_project_name
from velox.cli.scaffold import File, refuse_clashes, render, write
from velox.errors import ConfigurationError

__all__ = ["makeproject", "project_files"]

SECRET_BYTES = 48
PRIVATE = ".env"


@click.command()
@click.argument("name")
@click.option(
    "--template", type=click.Choice(["api", "minimal", "ml"]), default="api", show_default=True, help="What to write."
)
@click.option("--auth", is_flag=True, help="With accounts: a User table, signing in, API keys.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--force", is_flag=True, help="Write into a folder that is not empty; an existing .env is kept.")
def makeproject(name: str, template: str, auth: bool, dry_run: bool, force: bool) -> None:
    """Write the new project NAME into a folder of that name.

    The template "api" is a service with a database, a first feature, settings, tests, a container and a README;
    "minimal" is one main.py; "ml" trains a model and serves it. Nothing is downloaded. NAME is a Python identifier
    in lower case that no importable module has.

    \b
    Example:
      velox makeproject shop
      velox makeproject shop --auth
    """
    check_project_name(name)
    root = Path(name)
    if root.exists() and not root.is_dir():
        raise ConfigurationError("VX502", f"{name} is a file", hint="Choose another name, or move the file away.")
    if auth and template != "api":
        raise click.UsageError("--auth goes with the template api.")
    files = project_files(name, auth=auth) if auth else TEMPLATES[template](name)
    if not force:
        refuse_clashes(_in_the_way(root, files), name)
    write(files, root, shown_in=f"{name}/", dry_run=dry_run)
    click.echo("Nothing was written (--dry-run)." if dry_run else _next_steps(name, template))


def project_files(name: str, *, auth: bool = False) -> list[File]:
    """The template "api": the service around its first feature, items; with ``auth``, around its accounts too."""
    values = {
        "name": name,
        "version": version("velox-framework"),
        "extras": "[auth]" if auth else "",
        "secret": secrets.token_urlsafe(SECRET_BYTES),
    }
    files = [File(path, text, private=path == PRIVATE) for path, text in render("api", values).items()]
    files += feature_files("app", "items", "Item", _item_fields())
    if auth:
        files += account_files("app", "users")
        files += [File(path, text) for path, text in render("accounts", {}).items()]
    return sorted(files, key=lambda file: ("/" in file.path, file.path))


def _minimal_files(name: str) -> list[File]:
    return [File(path, text) for path, text in render("minimal", {"name": name}).items()]


def _ml_files(name: str) -> list[File]:
    values = {"name": name, "version": version("velox-framework"), "secret": secrets.token_urlsafe(SECRET_BYTES)}
    return [File(path, text, private=path == PRIVATE) for path, text in render("ml", values).items()]


TEMPLATES: Mapping[str, Callable[[str], list[File]]] = MappingProxyType(
    {"api": project_files, "minimal": _minimal_files, "ml": _ml_files}
)


def _item_fields() -> tuple[FieldSpec, ...]:
    name, price, note = parse_fields(["name:str:index", "price:decimal", "note:text:optional"])
    free_at_least = ("ge=0", *price.type.arguments)
    return (
        replace(name, type=replace(name.type, samples=("Teapot", "Kettle"))),
        replace(price, type=replace(price.type, samples=("19.90", "24.50"), arguments=free_at_least)),
        note,
    )


def _in_the_way(root: Path, files: list[File]) -> list[str]:
    """What is at ``root`` already, what would be overwritten first. A fresh Git repository is welcome."""
    if not root.exists():
        return []
    present = {path.name for path in root.iterdir()} - {".git"}
    ours = [file.path for file in files if (root / file.path).exists()]
    return [*ours, *sorted(present - {path.partition("/")[0] for path in ours})]


def _next_steps(name: str, template: str) -> str:
    if template == "minimal":
        steps = [("cd " + name, ""), ("velox run", "http://127.0.0.1:8000/?name=you"), ("velox routes", "")]
    elif template == "ml":
        steps = [
            ("cd " + name, ""),
            ("python -m app.training", "models/titanic/1/report.html"),
            ("velox run", "http://127.0.0.1:8000/docs"),
        ]
    else:
        steps = [
            ("cd " + name, ""),
            ("velox migrate", "makes the tables of app.db"),
            ("velox run", "http://127.0.0.1:8000/docs"),
            ('pip install -e ".[dev]" && pytest', ""),
        ]
    return "\nNext:\n" + "\n".join(f"  {command:<30}{note}".rstrip() for command, note in steps)
