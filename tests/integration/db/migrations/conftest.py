"""A project of migrations without an app: a folder, a database, and models that change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect, text

from velox.db import Database
from velox.db.migrations.choices import Choices
from velox.db.migrations.clearing import drop_everything
from velox.db.migrations.cloning import Clone, empty_clone
from velox.db.migrations.drafting import Draft
from velox.db.migrations.drift import drift_of
from velox.db.migrations.history import LATEST, History
from velox.db.migrations.making import compare, new_file, write_proved
from velox.db.migrations.moving import Done, applied_heads, migrate
from velox.db.model import NAMING_CONVENTION


@dataclass
class Models:
    """Tables of one moment in a project's life: ``Models().table("link", Column("url", String()))``."""

    metadata: MetaData = field(default_factory=lambda: MetaData(naming_convention=NAMING_CONVENTION))

    def table(self, name: str, *items: Any, key: str = "id") -> Models:
        Table(name, self.metadata, Column(key, Integer, primary_key=True), *items)
        return self


@dataclass
class Story:
    """A project's folder and its database."""

    folder: Path
    database: Database
    clone: Clone

    @property
    def history(self) -> History:
        return History.read(self.folder)

    async def draft(self, models: Models, **choices: Any) -> Draft | None:
        return await compare(self.clone, self.history, models.metadata, Choices(**choices))

    async def make(self, models: Models, **choices: Any) -> Draft:
        """``velox makemigrations``: the draft, which is written and proved."""
        drafted = await self.draft(models, **choices)
        assert drafted is not None
        file = new_file(self.history, drafted)
        await write_proved(file, self.clone, self.database, self.history, models.metadata, folder=self.folder)
        return drafted

    async def migrate(self, target: str = LATEST, *, database: Database | None = None, **options: Any) -> list[Done]:
        return await migrate(database or self.database, self.history, target, **options)

    async def settle(self, models: Models, **choices: Any) -> Draft:
        """Make and apply; then the database has to be what the models say."""
        drafted = await self.make(models, **choices)
        await self.migrate()
        assert await drift_of(self.database, models.metadata) == []
        return drafted

    async def heads(self) -> tuple[str, ...]:
        return await applied_heads(self.database)

    async def execute(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.database.writing_connection() as connection, connection.begin():
            result = await connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    async def tables(self) -> set[str]:
        async with self.database.writing_connection() as connection, connection.begin():
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        return set(names) - {"alembic_version"}

    def source(self, number: str) -> str:
        (path,) = self.folder.glob(f"{number}_*.py")
        return path.read_text()

    def write(self, name: str, upgrade: str, downgrade: str = "pass", *, after: str | None = None) -> None:
        """A migration by hand."""
        self.folder.mkdir(exist_ok=True)
        below = repr(after)
        (self.folder / f"{name}.py").write_text(
            f'"""{name}."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\ndown_revision = {below}\n\n\n'
            f"def upgrade() -> None:\n    {upgrade}\n\n\ndef downgrade() -> None:\n    {downgrade}\n"
        )


@asynccontextmanager
async def begun(folder: Path, url: str) -> AsyncIterator[Story]:
    database = Database(url, timeout_s=30)
    await database.start()
    if not url.startswith("sqlite"):
        await drop_everything(database)  # other tests left their tables, which are empty
    async with empty_clone(database) as clone:
        yield Story(folder, database, clone)
    if not url.startswith("sqlite"):
        await drop_everything(database)
    await database.stop()


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    """A new project on SQLite."""
    async with begun(tmp_path / "migrations", f"sqlite:///{tmp_path}/test.db") as found:
        yield found


@pytest.fixture(params=["postgresql", "mariadb"])
async def on_server(
    request: pytest.FixtureRequest, tmp_path: Path, url_of: Callable[[str], str]
) -> AsyncIterator[Story]:
    """A new project on each kind of server."""
    async with begun(tmp_path / "migrations", url_of(request.param)) as found:
        yield found


@pytest.fixture(params=["file", "postgresql"])
async def transactional(
    request: pytest.FixtureRequest, tmp_path: Path, url_of: Callable[[str], str]
) -> AsyncIterator[Story]:
    """A new project where changes of tables can be undone."""
    async with begun(tmp_path / "migrations", url_of(request.param)) as found:
        yield found


@pytest.fixture
def models() -> type[Models]:
    """Makes the tables of one moment: ``models().table(...)``."""
    return Models
