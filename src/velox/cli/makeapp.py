"""``velox makeapp``: add a feature folder with a model, its handlers and their tests."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from velox.cli.fields import FieldSpec, parse_field, parse_fields
from velox.cli.names import check_feature_name, check_model_name, class_name, singular
from velox.cli.scaffold import File, clashes, refuse_clashes, render, write
from velox.errors import ConfigurationError

__all__ = ["account_files", "feature_files", "makeapp"]


@click.command()
@click.argument("name")
@click.argument("fields", nargs=-1, metavar="[FIELD:TYPE[:OPTION]...[=DEFAULT]]...")
@click.option("--model", metavar="CLASS", help="The model's class name. Default: NAME in the singular.")
@click.option("--auth", is_flag=True, help="Make it the feature of accounts: a User table, signing in, API keys.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that are in the way.")
def makeapp(  # noqa: PLR0917 - click passes them by name
    name: str, fields: Sequence[str], model: str | None, auth: bool, dry_run: bool, force: bool
) -> None:
    """Add the feature NAME to the project in the current directory: a model, five handlers and tests that pass.

    NAME is the folder, the URL prefix and, best, a plural: "books" makes class Book and /books. The singular is a
    matter of spelling (-ies becomes -y, -xes -x, -s is dropped); say --model Person where it is not. Every model has an
    id, and a created_at that the server sets. Without fields it has a name.

    \b
    Types:    str (1 to 100 characters), text, url, int, float, decimal, bool,
              date, datetime, uuid, json
    Options:  unique, index, optional (may be null)
    Default:  =VALUE at the end

    \b
    Example:
      velox makeapp books title:str:index isbn:str:unique pages:int:optional price:decimal=0
      velox makeapp users --auth
    """
    project = find_project(Path.cwd())
    check_feature_name(name)
    if auth and (fields or model):
        raise click.UsageError("--auth brings its own model: User, with the fields of an account.")
    model = "User" if auth else model or class_name(singular(name))
    check_model_name(model)
    specs = parse_fields(fields) or (parse_field("name:str"),)
    files = account_files(project.package, name) if auth else feature_files(project.package, name, model, specs)
    if not force:
        project.refuse_namesakes(name, model)
        refuse_clashes(clashes(files, project.root), project.package)
    write(files, project.root, dry_run=dry_run)
    click.echo(_next_steps(name, auth, dry_run))


@dataclass(frozen=True, slots=True)
class Project:
    """Where a feature goes: the ``root`` folder and the ``package`` in it."""

    root: Path
    package: str

    def refuse_namesakes(self, feature: str, model: str) -> None:
        """Two modules of one name, or two tables of one name, cannot be in one app.

        Raises:
            ConfigurationError: VX502, naming the file that has the name.
        """
        folder = self.root / self.package
        module = folder / f"{feature}.py"
        if module.exists():
            hint = "Choose another name."
            raise ConfigurationError("VX502", f"{self.package}/{feature}.py is a module of that name", hint=hint)
        for path in sorted(folder.glob("*/models.py")):
            source = path.read_text(encoding="utf-8")
            if path.parent.name != feature and re.search(rf"^class {model}\(", source, re.MULTILINE):
                place = path.relative_to(self.root).as_posix()
                hint = f"Name this one differently: --model {class_name(feature)}Entry, for example."
                raise ConfigurationError("VX502", f"{place} has a model {model} already", hint=hint)


def find_project(directory: Path) -> Project:
    """The Velox project that ``directory`` is in: the nearest folder upwards with a ``velox.toml`` or ``app/main.py``.

    Raises:
        ConfigurationError: VX504, when there is none, or its app is not in a package.
    """
    for root in (directory, *directory.parents):
        settings = root / "velox.toml"
        if settings.is_file() or (root / "app" / "main.py").is_file():
            package = _package(settings) if settings.is_file() else "app"
            if (root / package).is_dir():
                return Project(root, package)
            message = f"the app of {root} is not in a package: there is no folder {package}"
            raise ConfigurationError("VX504", message, hint="A feature needs one; velox makeproject NAME makes it.")
    message = f"{directory} is not in a Velox project: there is no velox.toml and no app/main.py"
    raise ConfigurationError("VX504", message, hint="Change into a project, or start one: velox makeproject NAME.")


def _package(settings: Path) -> str:
    try:
        target = tomllib.loads(settings.read_text(encoding="utf-8")).get("app", "app")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError("VX304", f"{settings} cannot be read: {error}", hint="Correct the file.") from error
    return str(target).partition(":")[0].partition(".")[0]


def feature_files(package: str, feature: str, model: str, fields: Sequence[FieldSpec]) -> list[File]:
    """The files of one feature: its folder in ``package``, and its tests."""
    one = singular(feature)
    first = fields[0]
    values = {
        "package": package,
        "feature": feature,
        "model": model,
        "one": one,
        "words": one.replace("_", " "),
        "constant": one.upper(),
        "imports": _imports(fields),
        "fields": "\n".join(f"    {field.source}" for field in fields),
        "sample": "\n".join(f'    "{field.name}": {_literal(field.type.samples[0])},' for field in fields),
        "change": f'{{"{first.name}": {_literal(first.type.samples[1])}}}',
    }
    rendered = render("feature", values)
    tests = rendered.pop("test.py")
    unique = rendered.pop("test_unique.py")
    module = [File(f"{package}/{feature}/{path}", text) for path, text in rendered.items()]
    return [
        *module,
        File(f"tests/test_{feature}.py", tests + (unique if any(field.unique for field in fields) else "")),
    ]


def account_files(package: str, feature: str) -> list[File]:
    """The files of the feature that has the accounts."""
    rendered = render("users", {"package": package, "feature": feature})
    tests = rendered.pop("test.py")
    module = [File(f"{package}/{feature}/{path}", text) for path, text in rendered.items()]
    return [*module, File(f"tests/test_{feature}.py", tests)]


def _imports(fields: Sequence[FieldSpec]) -> str:
    """The import lines of ``models.py``, in isort's order."""
    names: dict[str, set[str]] = {"datetime": {"UTC", "datetime"}}
    for field in fields:
        if field.type.module:
            names.setdefault(field.type.module, set()).add(
                re.sub(r".*\[|\]", "", field.type.annotation).split(", ")[-1]
            )
    library = [f"from {module} import {', '.join(_isorted(names[module]))}" for module in sorted(names)]
    return "\n".join(library)


def _isorted(names: set[str]) -> list[str]:
    """Constants, then classes, then the rest."""
    return sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))


def _literal(value: object) -> str:
    """Python source of a JSON sample, quoted as ruff quotes."""
    return str(value) if isinstance(value, bool) else json.dumps(value)


def _next_steps(name: str, auth: bool, dry_run: bool) -> str:
    if dry_run:
        return "Nothing was written (--dry-run)."
    steps = [
        ("velox makemigrations", f"writes how the table of {name} is made"),
        ("velox migrate", "makes it"),
        (f"pytest tests/test_{name}.py", ""),
        ("velox run", f"the app finds {'/auth and ' if auth else ''}/{name} by itself"),
    ]
    if auth:
        steps.insert(0, ("pip install 'velox-framework[auth]'", "and write it into pyproject.toml"))
        steps.append(("velox users create you@example.org --role admin", ""))
    return "\nNext:\n" + "\n".join(f"  {command:<30}{note}".rstrip() for command, note in steps)
