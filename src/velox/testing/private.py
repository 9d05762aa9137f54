"""Databases of a test's own, migrated and empty, in which a commit is a commit.

    template ──made once a run, by the migrations──▶ a copy for each test ──▶ gone with it

SQLite's file is copied; PostgreSQL makes a database from a template, which copies its files; MariaDB and MySQL cannot,
so there the tables are made anew.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from velox.testing.isolation import check_test_database

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["Template"]


class Template:
    """An empty database with all tables, for copying.

    Args:
        app: The project's, not started; its database is where the server is.
        folder: Where SQLite's files go.
    """

    def __init__(self, app: Velox, folder: Path) -> None:
        self._settings = app.settings
        self._folder = folder
        self._server = app.settings.database_url.partition(":")[0].partition("+")[0]
        self.url = self._new()

    @classmethod
    @asynccontextmanager
    async def made(cls, app: Velox, folder: Path) -> AsyncIterator[Template]:
        """The template, as long as the block lasts.

        Raises:
            ConfigurationError: VX601, the app's database is not a test database; VX402, it cannot be reached.
        """
        check_test_database(app)
        template = cls(app, folder)
        await template._create(template.url)
        try:
            if template._copies:
                await template._fill(template.url)
            yield template
        finally:
            await template._drop(template.url)

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[str]:
        """The URL of a database that is the block's own."""
        url = self._new()
        if self._server == "sqlite":
            shutil.copyfile(_file(self.url), _file(url))
        elif self._copies:
            await self._run(f"CREATE DATABASE {_name(url)} TEMPLATE {_name(self.url)}")
        else:
            await self._create(url)
            await self._fill(url)
        try:
            yield url
        finally:
            await self._drop(url)

    @property
    def _copies(self) -> bool:
        return self._server in {"sqlite", "postgresql", "postgres"}

    def _new(self) -> str:
        name = f"velox_test_{secrets.token_hex(6)}"
        if self._server == "sqlite":
            return f"sqlite:///{self._folder / name}.db"
        base, _, rest = self._settings.database_url.rpartition("/")
        _, mark, query = rest.partition("?")
        return f"{base}/{name}{mark}{query}"

    async def _create(self, url: str) -> None:
        if self._server != "sqlite":
            await self._run(f"CREATE DATABASE {_name(url)}")

    async def _drop(self, url: str) -> None:
        if self._server == "sqlite":
            _remove(_file(url))
        else:
            await self._run(f"DROP DATABASE IF EXISTS {_name(url)}" + " WITH (FORCE)" * self._copies)

    async def _fill(self, url: str) -> None:
        """Apply the migrations; without any, create the models' tables."""
        from velox.db import Database
        from velox.db.migrations.history import History
        from velox.db.migrations.moving import migrate

        database = Database(url)
        await database.start()
        try:
            history = History.read(Path(self._settings.migrations))
            if len(history):
                await migrate(database, history)
            await database.create_tables()
        finally:
            await database.stop()

    async def _run(self, statement: str) -> None:
        """Outside of a transaction, where databases are made and dropped."""
        from velox.db import Database

        database = Database(self._settings.database_url)
        await database.start()
        try:
            async with database.writing_connection() as connection:
                outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await outside.exec_driver_sql(statement)
        finally:
            await database.stop()


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _name(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]
