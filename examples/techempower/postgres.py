"""PostgreSQL for the handlers: one engine a worker, one session a request."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["make_engine", "open_session"]


def make_engine(url: str, pool_size: int = 5) -> AsyncEngine:
    """An engine on asyncpg; it connects at the first statement.

    Args:
        url: ``postgresql://user:password@host:port/database``.
        pool_size: Connections at most; who comes when all are busy waits.
    """
    return create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), pool_size=pool_size, max_overflow=0)


async def open_session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A provider: what the handler did is committed before its answer is built, unless it raised."""
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
        await session.commit()
