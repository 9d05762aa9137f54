"""Code blocks of a Markdown page, and what each asks its reader to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "Command", "blocks_of", "commands_of"]

_FENCE = re.compile(r"^```(?P<language>[\w-]+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:#|//) (?P<path>[\w./-]*\w\.\w+|\.env)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the line of its first line in the page."""

    language: str
    code: str
    line: int

    @property
    def file(self) -> str | None:
        """The path in its first line's comment: what the reader saves it as."""
        found = _FILE.match(self.code.partition("\n")[0])
        return found["path"] if found else None


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed after ``$ ``, and the output that the page shows for it (empty: none is shown)."""

    text: str
    output: str


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block that names its language, from top to bottom."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["language"], found["code"], text.count("\n", 0, found.start("code")) + 1)
        for found in _FENCE.finditer(text)
    ]


def commands_of(code: str) -> Iterator[Command]:
    """The commands of a console block; a backslash at the end of a line continues it."""
    joined = code.replace("\\\n", " ")
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        text, _, output = part.partition("\n")
        yield Command(text.strip(), output.strip())
