"""The database as an extension of an app that may not need one."""

from __future__ import annotations

from typing import Any

__all__ = ["DatabaseInUse"]


class DatabaseInUse:
    """Opens the app's database with the app, if anybody uses it; else nothing of it is even imported.

    Args:
        app: The app.
    """

    name = "database"

    def __init__(self, app: Any) -> None:
        self._app = app
        self._opened: Any = None

    async def start(self) -> None:
        """Open it. Raises what the database raises."""
        if self._app.uses_database:
            database = self._app.database
            await database.start()
            self._opened = database

    async def stop(self) -> None:
        """Close it."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.stop()

    async def ready(self) -> str | None:
        """What the database says; always ready without one."""
        reason: str | None = await self._opened.ready() if self._opened is not None else None
        return reason
