"""The project's migrations as they are on disk: which there are, and which comes after which.

Files are read, not imported: what a server asks at its start (is the database behind?) needs neither Alembic nor the
project's models.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from velox.errors import ConfigurationError

__all__ = ["LATEST", "ZERO", "History", "Revision", "Step"]

LATEST = "latest"
"""The target of ``velox migrate`` that stands for the newest migration."""
ZERO = "zero"
"""The target that stands for an empty database: before the first migration."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration.

    Args:
        id: What the database remembers; the file's name without ``.py``, unless the file says otherwise.
        parents: The migrations that it comes after: none for the first, several where branches join.
        path: Its file.
        title: The first line of its docstring.
    """

    id: str
    parents: tuple[str, ...]
    path: Path
    title: str


@dataclass(frozen=True, slots=True)
class Step:
    """A migration and the direction in which it is to be run."""

    revision: Revision
    direction: Literal["up", "down"]


class History:
    """The migrations of one folder.

    Args:
        revisions: In any order.

    Raises:
        ConfigurationError: VX404, one comes after a migration that is not there, or after itself.
    """

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self._by_id = {revision.id: revision for revision in sorted(revisions, key=lambda each: each.path.name)}
        self.revisions: tuple[Revision, ...] = tuple(self._in_order())

    @classmethod
    def read(cls, folder: Path) -> History:
        """The migrations in ``folder``, which need not exist.

        Raises:
            ConfigurationError: VX404, a file cannot be read, two have one id, or the order has a hole.
        """
        revisions: dict[str, Revision] = {}
        for path in sorted(folder.glob("*.py")):
            if path.name.startswith("_"):
                continue
            revision = read_revision(path)
            if revision.id in revisions:
                other = revisions[revision.id].path.name
                raise _broken(f"{path} and {other} are both the revision {revision.id!r}", "Rename one of them.")
            revisions[revision.id] = revision
        return cls(revisions.values())

    @classmethod
    def of(cls, folder: Path, group: str) -> History:
        """The migrations of a group of databases: those of the main one are in ``folder``, others' in folders below it.

        Raises:
            ConfigurationError: VX404, as of :meth:`read`.
        """
        return cls.read(folder / group)

    def __len__(self) -> int:
        return len(self.revisions)

    def __getitem__(self, revision: str) -> Revision:
        return self._by_id[revision]

    def __contains__(self, revision: str) -> bool:
        return revision in self._by_id

    @property
    def heads(self) -> tuple[str, ...]:
        """The migrations that no other comes after: one, unless two people wrote one at the same time."""
        return self.newest(self._by_id)

    def with_(self, revision: Revision) -> History:
        """This history and one more migration."""
        return History([*self._by_id.values(), revision])

    def newest(self, applied: Collection[str]) -> tuple[str, ...]:
        """Those of ``applied`` that no other of them comes after: what the database writes down."""
        inner = {parent for each in applied for parent in self._by_id[each].parents}
        return tuple(revision.id for revision in self.revisions if revision.id in applied and revision.id not in inner)

    def up_to(self, heads: Iterable[str]) -> set[str]:
        """``heads`` and everything that they come after.

        Raises:
            ConfigurationError: VX404, the database is at a migration that is not in the folder.
        """
        found: set[str] = set()
        waiting = list(heads)
        while waiting:
            revision = waiting.pop()
            if revision not in self._by_id:
                raise _broken(
                    f"the database is at {revision!r}, and there is no such migration",
                    "Get the branch that has it, or bring the database to a known one: velox migrate --fake REVISION.",
                )
            if revision not in found:
                found.add(revision)
                waiting += self._by_id[revision].parents
        return found

    def pending(self, heads: Iterable[str]) -> tuple[Revision, ...]:
        """What a database at ``heads`` has not seen yet, in order."""
        applied = self.up_to(heads)
        return tuple(revision for revision in self.revisions if revision.id not in applied)

    def find(self, target: str) -> tuple[str, ...]:
        """The revisions that ``target`` means: ``latest``, ``zero``, an id or its beginning (``0002``).

        Raises:
            ConfigurationError: VX405, ``latest`` with several newest ones; VX404, none or several have that name.
        """
        if target == ZERO:
            return ()
        if target == LATEST:
            self.refuse_branches()
            return self.heads
        found = [target] if target in self._by_id else [each for each in self._by_id if each.startswith(target)]
        if len(found) == 1:
            return (found[0],)
        if found:
            raise _broken(f"{target!r} can be {' or '.join(found)}", "Write more of its name.")
        known = ", ".join(self._by_id) or "none"
        raise _broken(f"there is no migration {target!r}", f"There are: {known}; and {LATEST} and {ZERO}.")

    def route(self, heads: Iterable[str], goal: Iterable[str]) -> tuple[Step, ...]:
        """The steps from a database at ``heads`` to one at ``goal``: back where it is ahead, then forward."""
        applied = self.up_to(heads)
        wanted = self.up_to(goal)
        back = [Step(each, "down") for each in reversed(self.revisions) if each.id in applied - wanted]
        forward = [Step(each, "up") for each in self.revisions if each.id in wanted - applied]
        return (*back, *forward)

    def after(self, heads: Iterable[str], step: Step) -> tuple[str, ...]:
        """Where a database at ``heads`` is after ``step``."""
        return self.newest(self.up_to(heads) ^ {step.revision.id})

    def refuse_branches(self) -> None:
        """Say which migrations were written side by side.

        Raises:
            ConfigurationError: VX405, there are several newest ones.
        """
        if len(self.heads) > 1:
            raise ConfigurationError(
                "VX405",
                f"{' and '.join(self.heads)} come after the same migration, so there is no newest one",
                hint="They were written side by side, on two branches, say. Join them: velox makemigrations --merge.",
            )

    def _in_order(self) -> Sequence[Revision]:
        """Each after its parents; of those that are free, the one whose file's name comes first."""
        order: dict[str, Revision] = {}
        waiting: Mapping[str, Revision] = dict(self._by_id)
        while waiting:
            free = [each for each in waiting.values() if all(parent in order for parent in each.parents)]
            if not free:
                raise self._hole(next(iter(waiting.values())))
            order[free[0].id] = free[0]
            waiting = {key: each for key, each in waiting.items() if key != free[0].id}
        return list(order.values())

    def _hole(self, revision: Revision) -> ConfigurationError:
        missing = next((parent for parent in revision.parents if parent not in self._by_id), None)
        if missing is None:
            return _broken(f"{revision.path} comes after itself", "Correct its down_revision.")
        return _broken(
            f"{revision.path} comes after {missing!r}, which is not there",
            "Bring that file back, or name in down_revision what this one comes after.",
        )


def read_revision(path: Path) -> Revision:
    """The migration in the file ``path``.

    Raises:
        ConfigurationError: VX404, it is no Python, or has no ``down_revision``.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        place = f"{path}:{error.lineno}" if isinstance(error, SyntaxError) else str(path)
        raise _broken(f"{place} cannot be read: {error}", "Correct the file.") from error
    values = dict(_constants(tree))
    if "down_revision" not in values:
        raise _broken(f"{path} has no down_revision", 'Say what it comes after: down_revision = "0001_create_item".')
    below = values["down_revision"]
    parents = (below,) if isinstance(below, str) else tuple(below or ())
    title = (ast.get_docstring(tree) or path.stem).splitlines()[0].rstrip(".")
    return Revision(str(values.get("revision", path.stem)), parents, path, title)


def _constants(tree: ast.Module) -> Iterable[tuple[str, str | tuple[str, ...] | None]]:
    """The module's assignments of literals: ``revision = "0002"``, also with an annotation."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if re.fullmatch(r"(down_)?revision", name):
            yield name, ast.literal_eval(value)


def _broken(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError("VX404", message, hint=hint)
