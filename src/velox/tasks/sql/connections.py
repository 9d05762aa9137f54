"""What the post needs of the app's database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection as Connection

__all__ = ["Connection", "Connections"]


class Connections(Protocol):
    """The app's database, as far as the post needs it; supplied by the app."""

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that commits when the block ends."""

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """A connection to read from; it keeps no writer out."""

    async def joined(self) -> Connection | None:
        """The transaction of the Session that is open around the caller, which somebody else commits; or None."""
