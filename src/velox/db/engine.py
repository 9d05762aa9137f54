"""What ``Database`` asks of the engine behind its URL; one file an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from velox.db.grouping import GroupCommit
from velox.db.inline import Inline
from velox.db.lane import ReadLane

__all__ = ["Durability", "Engine", "Lane", "Lanes", "Limits", "Notifier", "Room"]


Durability = Literal["normal", "full"]


class Lane(Enum):
    """How a lane's connections begin a transaction."""

    READ = "each statement sees the newest committed state; writing is refused"
    WRITE = "a transaction, so that what is written is committed together or not at all"
    INSIDE = "SAVEPOINT: inside a transaction that somebody else began and will roll back"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a worker may take of the database, and how long it waits."""

    pool_size: int = 5
    """The most connections that read at once, and on a server as many that write. At least 1."""
    timeout_s: float = 5.0
    """Seconds to wait for a connection, and then for another's lock."""
    statement_timeout_s: float = 30.0
    """Seconds that a server works on one statement; 0 is for ever."""
    durability: Durability = "normal"
    """What a commit on SQLite survives: the death of the process, or a power cut, too."""


class _Closing(Protocol):
    async def close(self) -> None: ...


@dataclass(slots=True)
class Lanes:
    """The open engines: one that writes, one that reads."""

    write: AsyncEngine
    read: AsyncEngine
    kept: _Closing | None = None
    """The single connection under both, where there is one."""
    inline: Inline | None = None
    """SQLite's connection for the event loop's own thread."""
    reading: ReadLane = field(init=False)
    group: GroupCommit = field(init=False)

    def __post_init__(self) -> None:
        self.reading = ReadLane(self.read, self.inline)
        self.group = GroupCommit(self.write)

    async def close(self) -> None:
        await self.group.close()
        await self.reading.close()
        await self.write.dispose()
        await self.read.dispose()
        if self.kept is not None:
            await self.kept.close()


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections fit."""

    worker: int
    """The most that one worker opens."""
    server: int
    """The most that the server allows to all its clients."""


class Notifier(Protocol):
    """Tells other connections of a database something, in whatever process they are."""

    async def notify(self, connection: AsyncConnection, channel: str) -> None:
        """Tell all who listen."""

    def listening(self, channel: str, heard: Callable[[], object]) -> AbstractAsyncContextManager[asyncio.Event]:
        """Call ``heard`` at each notification, on a connection of its own; the event is set when that has ended."""


class Engine(Protocol):
    """A kind of database, and where it is. Nothing is opened before :meth:`open`."""

    url: URL
    probe: str
    """A statement that shows that it answers."""

    @property
    def notifier(self) -> Notifier | None:
        """How connections tell each other something; ``None`` where they cannot."""

    async def open(self) -> Lanes:
        """Raises ConfigurationError VX402 when it cannot be reached."""

    def isolated(self, lanes: Lanes) -> AbstractAsyncContextManager[Lanes]:
        """Other lanes, whose every commit is undone at the end. All share one connection and one transaction."""

    async def backup(self, lanes: Lanes, target: Path) -> None:
        """Copy the database to a file. Raises ConfigurationError VX415 when it cannot be done."""

    async def faults(self, lanes: Lanes) -> list[str]:
        """What is wrong with what is stored; empty also where the server looks after that itself."""

    def tables_held(self, connection: AsyncConnection) -> AbstractAsyncContextManager[None]:
        """Inside, no other worker makes tables. ``connection`` is in a transaction."""

    async def room(self, connection: AsyncConnection) -> Room | None:
        """How many connections there are to share; ``None``: as many as files can be opened."""
