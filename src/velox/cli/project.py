"""What the commands about migrations work with: the app, its database, and the folder of its migrations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from velox.cli.loading import load_app

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db import Database
    from velox.db.migrations.history import History

__all__ = ["Project", "open_project"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Project:
    """The project in the current directory.

    Args:
        app: Its app, not started.
        folder: Where its migrations are.
        history: The migrations that are there now.
    """

    app: Velox
    folder: Path
    history: History

    def run(self, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
        """Call ``work`` with the started database, which is stopped afterwards; the app is not started."""

        async def started() -> T:
            await self.app.database.start()
            try:
                return await work(self.app.database)
            finally:
                await self.app.database.stop()

        return asyncio.run(started())


def open_project() -> Project:
    """The project, with its models imported.

    Raises:
        ConfigurationError: There is no app, or VX404: the migrations are in disorder.
    """
    from velox.db.migrations.history import History

    app = load_app()
    folder = Path(app.settings.migrations)
    return Project(app, folder, History.read(folder))
