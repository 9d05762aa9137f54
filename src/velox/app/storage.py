"""The database's place in an app, imported by the first who may need one: SQLAlchemy and SQLModel take 21 MB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from velox.db import Database, Model, Reader, Session
from velox.routing.plan import Plan, ProviderPlan
from velox.settings import Settings

__all__ = ["Storage"]


class Storage:
    """Sessions and readers of the app's database.

    Args:
        settings: The app's.

    Attributes:
        database: The database of ``settings.database_url``.
    """

    def __init__(self, settings: Settings) -> None:
        self.database = Database(
            settings.database_url,
            pool_size=settings.database_pool_size,
            timeout_s=settings.database_timeout_s,
            statement_timeout_s=settings.database_statement_timeout_s,
        )

    async def session(self) -> AsyncIterator[Session]:
        """A request's unit of work."""
        async with self.database.session() as session:
            yield session

    async def reader(self) -> AsyncIterator[Reader]:
        """Reads without one."""
        async with self.database.reader() as reader:
            yield reader

    def is_named_by(self, plans: Iterable[Plan]) -> bool:
        """Whether a handler asks for a session or a reader, or there are tables that may want to be made."""
        own = (self.session, self.reader)

        def asks(provider: ProviderPlan | None) -> bool:
            return provider is not None and (
                provider.fn in own or any(asks(parameter.provider) for parameter in provider.parameters)
            )

        tables = Model.metadata.tables
        return bool(tables) or any(asks(parameter.provider) for plan in plans for parameter in plan.parameters)
