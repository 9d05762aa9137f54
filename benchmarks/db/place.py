"""Where a contender's database is: a file's path, or PostgreSQL's URL. Nothing but the standard library."""

from __future__ import annotations

__all__ = ["for_sqlalchemy", "for_velox", "is_server"]


def is_server(place: str) -> bool:
    """Whether ``place`` is on PostgreSQL."""
    return place.startswith("postgresql://")


def for_sqlalchemy(place: str) -> str:
    """``place`` as SQLAlchemy's URL, by the drivers that its documentation has first."""
    if is_server(place):
        return place.replace("postgresql://", "postgresql+asyncpg://", 1)
    return f"sqlite+aiosqlite:///{place}"


def for_velox(place: str) -> str:
    """``place`` as Velox's URL."""
    return place if is_server(place) else f"sqlite:///{place}"
