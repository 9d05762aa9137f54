"""What the commands about migrations work with: the app, its databases, and the folders of their migrations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from velox.cli.console import style
from velox.cli.loading import load_app
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db import Database
    from velox.db.database import Part
    from velox.db.migrations.history import History

__all__ = ["Project", "open_project"]

T = TypeVar("T")

_MAIN = "main"
"""What the main database is called on the command line."""


@dataclass(frozen=True, slots=True)
class Project:
    """One group of databases with the same tables, in the project in the current directory.

    Args:
        app: The project's app, not started.
        folder: Where the group's migrations are.
        history: The migrations that are there now.
        parts: The databases of the group and their tables: one, or every shard.
    """

    app: Velox
    folder: Path
    history: History
    parts: tuple[Part, ...]

    @property
    def group(self) -> str:
        """The group; empty for the main database."""
        return self.parts[0].group

    @property
    def metadata(self) -> Any:
        """The group's tables."""
        return self.parts[0].metadata

    def run(self, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
        """Call ``work`` with the first database, started, and stop it afterwards; the app is not started."""
        return self.run_parts(lambda part: work(part.database.alone()), self.parts[:1])[0]

    def run_parts(
        self, work: Callable[[Part], Coroutine[Any, Any, T]], parts: tuple[Part, ...] | None = None
    ) -> list[T]:
        """Call ``work`` with one database of the group after the other, all started, and stop them afterwards."""

        async def started() -> list[T]:
            await self.app.database.start()
            try:
                return [await work(part) for part in (self.parts if parts is None else parts)]
            finally:
                await self.app.database.stop()

        return asyncio.run(started())

    def at(self, name: str) -> Project:
        """One of the project's databases: ``main``, or as the settings call it; a single shard, too.

        Raises:
            ConfigurationError: VX430, there is none of that name; and what :meth:`groups` raises.
        """
        found = {part.name or _MAIN: (group, part) for group in self.groups() for part in group.parts}
        if name not in found:
            raise ConfigurationError("VX430", f"there is no database {name!r}", hint=f"There are: {', '.join(found)}.")
        group, part = found[name]
        return Project(self.app, group.folder, group.history, (part,))

    def headline(self) -> None:
        """Say whose turn it is, where there are several groups."""
        if self.app.database.others:
            click.echo(style(self.group or _MAIN, "cyan", bold=True))

    def groups(self, only: str | None = None) -> list[Project]:
        """The project's groups of databases: the main one first.

        Args:
            only: The one that is asked for, as the command line calls it; ``None``: all.

        Raises:
            ConfigurationError: VX404, the migrations of one are in disorder; VX430, there is none of that name, or a
                model is in one that is not there; VX431 or VX435, a model is not fit.
        """
        from velox.db.migrations.history import History

        folder = Path(self.app.settings.migrations)
        parts = self.app.database.parts()
        names = list(dict.fromkeys(part.group for part in parts))
        if only is not None and only not in [name or _MAIN for name in names]:
            known = ", ".join(name or _MAIN for name in names)
            raise ConfigurationError("VX430", f"there is no database {only!r}", hint=f"There are: {known}.")
        return [
            Project(
                self.app,
                folder / name,
                History.of(folder, name),
                tuple(part for part in parts if part.group == name),
            )
            for name in names
            if only in (None, name or _MAIN)
        ]


def open_project() -> Project:
    """The project, with its models imported, and its main database.

    Raises:
        ConfigurationError: There is no app, or VX404: the migrations are in disorder; VX430, VX431 or VX435: a model
            cannot be where it is to be.
    """
    from velox.db.migrations.history import History

    app = load_app()
    folder = Path(app.settings.migrations)
    return Project(app, folder, History.read(folder), tuple(app.database.parts()[:1]))
