"""The database's place in an app, imported by the first who may need one: SQLAlchemy and SQLModel take 21 MB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from velox.app.jobs import joined_by_jobs
from velox.app.observed import observe
from velox.db import Database, Model, Reader, Session, Writer
from velox.routing.plan import Plan
from velox.settings import Settings

__all__ = ["Storage"]


class Storage:
    """Sessions, readers and writers of the app's database.

    Args:
        settings: The app's.
        committed: Called after a session's end that was a good one.

    Attributes:
        database: The database of ``settings.database_url``.
        providers: What provides each.
    """

    def __init__(self, settings: Settings, committed: Callable[[], object]) -> None:
        self.database = Database(
            settings.database_url,
            pool_size=settings.database_pool_size,
            timeout_s=settings.database_timeout_s,
            statement_timeout_s=settings.database_statement_timeout_s,
            durability=settings.database_durability,
            watch=settings.env == "dev",
            replica_urls=settings.database_replica_urls,
            databases=settings.databases,
            shards=settings.shards,
        )
        observe(self.database, settings)
        self.providers: tuple[Callable[..., Any], ...] = (self.session, self.reader, self.writer)
        self._committed = committed

    async def session(self) -> AsyncIterator[Session]:
        """A request's unit of work."""
        async with self.database.session() as session:
            with joined_by_jobs(session):
                yield session
        self._committed()

    async def reader(self) -> AsyncIterator[Reader]:
        """Reads without one."""
        async with self.database.reader() as reader:
            yield reader

    async def writer(self) -> AsyncIterator[Writer]:
        """Writes without one."""
        async with self.database.writer() as writer:
            yield writer

    def is_named_by(self, plans: Iterable[Plan]) -> bool:
        """Whether a handler asks for one of them, or there are tables that may want to be made."""
        asked = (provider.fn for plan in plans for provider in plan.providers())
        return bool(Model.metadata.tables) or any(fn in self.providers for fn in asked)
