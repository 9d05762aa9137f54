"""What the post needs of the app's database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection as Connection

__all__ = ["Connection", "Connections"]


class Connections(Protocol):
    """The app's database, as far as the post needs it; supplied by the app.

    Attributes:
        before_use: For tests: awaited before each use.
    """

    before_use: Callable[[], Awaitable[None]] | None

    @property
    def can_notify(self) -> bool:
        """Whether :meth:`notify` and :meth:`listening` work."""

    def writing(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that commits when the block ends."""

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """A connection to read from; it keeps no writer out."""

    async def notify(self, channel: str) -> None:
        """Tell all who listen, in whatever process."""

    def listening(self, channel: str, heard: Callable[[], object]) -> AbstractAsyncContextManager[asyncio.Event]:
        """``heard`` is called at each notification; the event is set when the connection has ended."""

    async def joined(self) -> Connection | None:
        """The transaction of the Session that is open around the caller, which somebody else commits; or None."""
