"""Files made from templates: rendered, checked for clashes, and written one by one.

A template is a folder of ``*.tmpl`` files in ``velox/templates``; ``{{ name }}`` is its only syntax. Rendered Python is
folded at :data:`LINE_LENGTH` the way ``ruff format`` folds it, because how long a line is depends on the user's names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from velox.cli.console import style
from velox.errors import ConfigurationError

__all__ = ["LINE_LENGTH", "File", "clashes", "fold", "refuse_clashes", "render", "write"]

TEMPLATES = Path(__file__).parent.parent / "templates"
LINE_LENGTH = 120
"""Columns; the generated ``pyproject.toml`` tells ruff the same."""
SHOWN_CLASHES = 10
"""Files that the refusal names before it only counts."""

_PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")
_BRACKETS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class File:
    """One file to write.

    Args:
        path: Where, relative to the project, with ``/``.
        text: All of it.
        private: It holds a secret: readable by its owner only, and never overwritten.
    """

    path: str
    text: str
    private: bool = False


def render(template: str, values: Mapping[str, str]) -> dict[str, str]:
    """The files of ``template`` as path → text. A placeholder without a value is a ``KeyError``."""
    folder = TEMPLATES / template
    return {
        source.relative_to(folder).as_posix().removesuffix(".tmpl"): _fill(source, values)
        for source in sorted(folder.rglob("*.tmpl"))
    }


def _fill(source: Path, values: Mapping[str, str]) -> str:
    text = _PLACEHOLDER.sub(lambda found: values[found[1]], source.read_text(encoding="utf-8"))
    return fold(text) if source.name.endswith(".py.tmpl") else text


def fold(text: str, width: int = LINE_LENGTH) -> str:
    """``text`` with each line longer than ``width`` columns split at its last call, or at a function's parameters."""
    return "".join(f"{part}\n" for line in text.splitlines() for part in _fold_line(line, width))


def _fold_line(line: str, width: int) -> Iterator[str]:
    if len(line) <= width:
        yield line
        return
    end = line.find(") ->") if line.lstrip().startswith(("def ", "async def ")) else len(line.rstrip(":,")) - 1
    if end < 0 or line[end] not in _BRACKETS:
        yield line
        return
    start = _opening(line, end)
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    inside = line[start + 1 : end]
    yield line[: start + 1]
    if len(indent + inside) <= width:
        yield indent + inside
    else:
        for argument in _arguments(inside):
            yield from _fold_line(f"{indent}{argument},", width)
    yield indent[4:] + line[end:]


def _opening(line: str, end: int) -> int:
    """Where the bracket that closes at ``end`` opens."""
    depth = 0
    for position in range(end, -1, -1):
        depth += (line[position] in _BRACKETS) - (line[position] in _BRACKETS.values())
        if depth == 0:
            return position
    raise ValueError(f"unbalanced brackets: {line}")


def _arguments(inside: str) -> Iterator[str]:
    """The parts of ``inside`` between the commas that no bracket encloses."""
    depth = start = 0
    for position, character in enumerate(inside):
        depth += (character in _BRACKETS.values()) - (character in _BRACKETS)
        if character == "," and depth == 0:
            yield inside[start:position].strip()
            start = position + 1
    yield inside[start:].strip()


def clashes(files: Sequence[File], root: Path) -> list[str]:
    """The paths of ``files`` that exist below ``root`` already."""
    return [file.path for file in files if os.path.lexists(root / file.path)]


def refuse_clashes(found: Sequence[str], place: str) -> None:
    """Say which files are in the way at ``place``.

    Raises:
        ConfigurationError: VX502, when there are any.
    """
    if found:
        shown = ", ".join(found[:SHOWN_CLASHES])
        more = f" and {len(found) - SHOWN_CLASHES} more" if len(found) > SHOWN_CLASHES else ""
        hint = "Choose another name, or overwrite what Velox writes with --force."
        raise ConfigurationError("VX502", f"{place} is not empty: {shown}{more}", hint=hint)


def write(files: Sequence[File], root: Path, *, shown_in: str = "", dry_run: bool = False) -> None:
    """Write ``files`` below ``root`` and print a line for each; an existing private file is kept as it is.

    Args:
        files: What to write; the caller has dealt with clashes, so an existing file is replaced.
        root: The folder; it and the folders in it are made as needed.
        shown_in: What to print before each path.
        dry_run: Only print.

    Raises:
        ConfigurationError: VX505, when a file cannot be written; a file is there whole or not at all.
    """
    for count, file in enumerate(files):
        path = root / file.path
        exists = os.path.lexists(path)
        keep = exists and file.private
        if not dry_run and not keep:
            try:
                _write_whole(path, file)
            except OSError as error:
                raise _unwritable(path, error, count, len(files)) from error
        verb, colour = ("keep", "cyan") if keep else ("overwrite", "yellow") if exists else ("create", "green")
        click.echo(f"  {style(verb, colour)}  {shown_in}{file.path}")


def _write_whole(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if file.private else 0o666)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(file.text)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _unwritable(path: Path, error: OSError, written: int, total: int) -> ConfigurationError:
    message = f"{path} cannot be written ({error.strerror}); {written} of {total} files are written"
    hint = f"Remove the obstacle and run the same command again{' with --force' if written else ''}."
    return ConfigurationError("VX505", message, hint=hint)
