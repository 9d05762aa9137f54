"""Makes the next migration: compare, draft, prove, write."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, MetaData

from velox.db.database import Database
from velox.db.migrations.choices import Choices
from velox.db.migrations.cloning import Clone
from velox.db.migrations.describing import slug
from velox.db.migrations.drafting import Draft, draft
from velox.db.migrations.history import History, Revision, read_revision
from velox.db.migrations.memory import Memory
from velox.db.migrations.moving import walk
from velox.db.migrations.proving import Proof, prove
from velox.db.migrations.writing import Body, render
from velox.errors import ConfigurationError

__all__ = ["NewFile", "blank", "compare", "merge", "new_file", "write_proved"]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A migration that is not on disk yet."""

    id: str
    text: str


async def compare(clone: Clone, history: History, metadata: MetaData, choices: Choices) -> Draft | None:
    """What the models have and the migrations do not make; ``None`` for nothing.

    The migrations are run on ``clone``. The project's own database is not looked at: it may be behind, or not be there
    at all.

    Raises:
        ConfigurationError: VX405, there are several newest migrations; VX410, something is to be decided.
    """
    history.refuse_branches()
    async with (await clone.empty()).writing_connection() as connection:
        return await connection.run_sync(_compare, history, metadata, choices)


def _compare(connection: Connection, history: History, metadata: MetaData, choices: Choices) -> Draft | None:
    memory = Memory()
    walk(connection, history, history.heads, memory)
    with connection.begin():
        return draft(connection, metadata, memory, choices)


def new_file(history: History, drafted: Draft, *, title: str | None = None, name: str | None = None) -> NewFile:
    """``drafted`` as a file that comes after the newest migration.

    Args:
        history: What is there.
        drafted: The change.
        title: Its docstring, and its name. Default: what it changes.
        name: Its name without the number.
    """
    said = (title or drafted.title).strip().rstrip(".")
    revision = _next_id(history, name or said)
    text = render(said, revision, history.heads, drafted.up, drafted.down, imports=drafted.imports)
    return NewFile(revision, text)


def blank(history: History, *, title: str, name: str | None = None) -> NewFile:
    """A migration to be filled by hand: to change rows, say."""
    history.refuse_branches()
    revision = _next_id(history, name or title)
    return NewFile(revision, render(title.strip().rstrip("."), revision, history.heads, Body(), Body()))


def merge(history: History) -> NewFile | None:
    """A migration that comes after all newest ones and changes nothing; ``None`` when there is one newest already."""
    if len(history.heads) < 2:
        return None
    title = f"Join {' and '.join(history.heads)}"
    revision = _next_id(history, "merge")
    return NewFile(revision, render(title, revision, history.heads, Body(), Body()))


async def write_proved(
    file: NewFile, clone: Clone, database: Database, history: History, metadata: MetaData | None, *, folder: Path
) -> Proof:
    """Prove the migration, and only then write it into ``folder``.

    Raises:
        ConfigurationError: VX408, it does not work; VX505, the file cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="velox-migration-") as scratch:
        candidate = _written(Path(scratch), file)
        revision = read_revision(candidate)
        proof = await prove(clone, database, history.with_(revision), revision, metadata)
    _written(folder, file)
    return proof


def _written(folder: Path, file: NewFile) -> Path:
    path = folder / f"{file.id}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(file.text)
    except OSError as error:
        raise ConfigurationError(
            "VX505", f"{path} cannot be written: {error.strerror}", hint="Check the folder's rights."
        ) from error
    return path


def _next_id(history: History, name: str) -> str:
    return f"{_next_number(history.revisions):04}_{slug(name)}"


def _next_number(revisions: Sequence[Revision]) -> int:
    numbers = [int(each.id[:4]) for each in revisions if each.id[:4].isdecimal()]
    return max(numbers, default=len(revisions)) + 1
