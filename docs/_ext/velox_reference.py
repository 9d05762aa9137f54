"""Reference pages that are written from the code while the site is built, so that they cannot lag behind it.

    ```{velox-settings}
    ```

Directives: ``velox-settings``, ``velox-codes``, ``velox-commands``, ``velox-states``, ``velox-names MODULE``. Each is a
function that returns Markdown.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import click
from docutils import nodes
from pydantic import SecretStr
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from velox._sources import Sourced
from velox.cli.main import COMMANDS, group
from velox.errors import CODES
from velox.settings import Settings
from velox.tasks.state import NEXT, State

__all__ = ["codes", "commands", "names", "settings", "setup", "states"]

HOMES = (
    "velox.errors",
    "velox.cache",
    "velox.db",
    "velox.idempotency",
    "velox.limits",
    "velox.ml",
    "velox.testing",
    "velox.auth",
)
"""Packages whose names ``velox`` hands on; each has a page of its own."""


def settings() -> str:
    """A table of every field of ``Settings``: environment variable, type, default, meaning; and for each class that it
    takes fields from, a section with what that class says of them.
    """
    parts = [settings_of(Settings)]
    for cls in Settings.__mro__[1:]:
        if cls.__module__.startswith("velox.") and inspect.get_annotations(cls) and cls is not Sourced:
            title, _, text = (inspect.getdoc(cls) or "").partition("\n\n")
            heading = title.partition(". ")[0].partition(": ")[0].rstrip(".")
            parts.append(f"## {heading}\n\n{title}\n\n{text}\n\n{settings_of(cls)}".replace("``", "`"))
    return "\n".join(parts)


def settings_of(cls: type) -> str:
    """The table of the fields that ``cls`` itself declares."""
    meanings = attribute_docstrings(cls)
    rows = [
        (f"`{name}`", f"`VELOX_{name.upper()}`", f"`{type_of(name)}`", f"`{default_of(name)}`", meanings.get(name, ""))
        for name in inspect.get_annotations(cls)
        if name in Settings.model_fields
    ]
    return table(("setting", "environment", "type", "default", "meaning"), rows)


def default_of(name: str) -> str:
    default = Settings.model_fields[name].get_default(call_default_factory=True, validated_data={})
    return "a visible one, for development only" if isinstance(default, SecretStr) else repr(default)


def type_of(name: str) -> str:
    """The annotation as it is written in the class, without the constraints."""
    annotation = Settings.model_fields[name].annotation
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def attribute_docstrings(cls: type) -> dict[str, str]:
    """The string literal under each attribute of ``cls``, on one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        match statement, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.replace("``", "`").split())
    return found


def codes() -> str:
    """A table of every error code, with its meaning."""
    return table(("code", "meaning"), [(f"`{code}`", meaning) for code, meaning in CODES.items()])


def commands() -> str:
    """A section for each command: what ``velox COMMAND --help`` prints."""
    parts = []
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        parts.append(command_help(command, f"velox {name}", "##"))
    return "\n".join(parts)


def command_help(command: click.Command, name: str, heading: str) -> str:
    """What ``velox COMMAND --help`` prints, and the same for each command of a group."""
    context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
    text = f"{heading} {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if not isinstance(command, click.Group):
        return text
    inner = [(each, command.get_command(context, each)) for each in command.list_commands(context)]
    return text + "\n".join(command_help(one, f"{name} {each}", f"{heading}#") for each, one in inner if one)


def names(module_name: str) -> str:
    """An entry for each public name of ``module_name``; one line for a name that another page or package describes."""
    module = importlib.import_module(module_name)
    return "\n".join(entry(module_name, name, getattr(module, name)) for name in module.__all__)


def entry(module_name: str, name: str, value: Any) -> str:
    """The autodoc directive that fits ``value``, or where to read about it."""
    origin = getattr(value, "__module__", None) or type(value).__module__
    home = next((each for each in HOMES if name in importlib.import_module(each).__all__), module_name)
    if module_name == "velox" and home != "velox":
        return f"- `velox.{name}`: {{py:obj}}`{home}.{name}`\n"
    if not origin.startswith(("velox", "builtins", "typing")):
        return f"- `{module_name}.{name}` is `{origin}.{getattr(value, '__qualname__', name)}`, handed on as it is.\n"
    if inspect.isclass(value):
        # A Sanic application has more than a hundred members of its own; only ours are shown.
        directive, options = "autoclass", ":members:\n   :exclude-members: model_config, model_post_init"
    elif inspect.isroutine(value):
        directive, options = "autofunction", ""
    else:
        directive, options = "autodata", ":no-value:"
    return f"\n```{{eval-rst}}\n.. {directive}:: {module_name}.{name}\n   {options}\n```\n"


def states() -> str:
    """The states of a job, with what they mean; and a diagram of what leads from one to another."""
    meanings = attribute_docstrings(State)
    arrows: dict[tuple[State, State], list[str]] = {}
    for (before, event), after in NEXT.items():
        arrows.setdefault((before, after), []).append(event)
    wide = max(len(", ".join(events)) for events in arrows.values()) + 2
    lines = []
    for (before, after), events in arrows.items():
        label = f" {', '.join(events)} "
        lines.append(f"{before:>10} ─{label:─^{wide}}▶ {after}")
    rows = [(f"`{state}`", meanings[state.name]) for state in State]
    return table(("state", "meaning"), rows) + "\n```text\n" + "\n".join(lines) + "\n```\n"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(table_lines(head, rows)) + "\n"


def table_lines(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


class Generated(SphinxDirective):
    """A directive whose content is the Markdown that its subclass' ``write`` returns."""

    write: ClassVar[Callable[..., str]]
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(type(self).write(*self.arguments), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx once."""
    for write in (settings, codes, commands, names, states):
        directive = type(write.__name__.title(), (Generated,), {"write": staticmethod(write)})
        app.add_directive(f"velox-{write.__name__}", directive)
    return {"version": "1", "parallel_read_safe": True}
