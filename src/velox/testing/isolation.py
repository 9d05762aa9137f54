"""Databases that forget: which ones tests may write to, and undoing what a test wrote."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db import Session
    from velox.testing.session import TestSession

__all__ = ["check_test_database", "is_test_database", "isolated", "settle"]

# "test" as a word of its own: "shop_test" and "test-shop.db", but not "contest" or "latest.db".
_TEST_WORD = re.compile(r"(?<![a-z])tests?(?![a-z])", re.IGNORECASE)


def is_test_database(url: str) -> bool:
    """Whether tests may write to the database at ``url`` (as in the setting ``database_url``).

    They may when it is SQLite in memory or in the system's directory for temporary files, or when the database's own
    name has the word ``test`` in it (``shop_test``).
    """
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme.partition("+")[0] != "sqlite":
        return bool(_TEST_WORD.search(name))
    if name in {"", ":memory:"} or "mode=memory" in parts.query:
        return True
    file = Path(name.removeprefix("file:")).resolve()
    return bool(_TEST_WORD.search(file.name)) or file.is_relative_to(Path(tempfile.gettempdir()).resolve())


def check_test_database(app: Velox) -> None:
    """Refuse to test with an app that writes to a real database.

    Raises:
        ConfigurationError: VX601, unless the setting ``env`` is ``test`` and :func:`is_test_database` agrees.
    """
    settings = app.settings
    if settings.env != "test":
        raise ConfigurationError(
            "VX601",
            f"tests run with env = {settings.env!r} ({settings.source_of('env')})",
            hint="Make the app with Settings(env='test', database_url=...), or use the app fixture, which does",
        )
    database = app.database
    for one in (database, *database.others.values()):
        if is_test_database(one.url):
            continue
        source = settings.source_of("database_url") if one is database else "in databases or shards"
        raise ConfigurationError(
            "VX601",
            f"the database {one.display_url} ({source}) is not a test database",
            hint="Unset VELOX_DATABASE_URL to test with a temporary SQLite file, or name a database with the word "
            "'test' in its name",
        )


@asynccontextmanager
async def isolated(app: Velox) -> AsyncIterator[TestSession]:
    """Start ``app`` with its tables made; whatever is written until the end is undone then, commits included.

    Yields:
        A session for the test. It and the handlers share one transaction, and see what the other wrote: a ``select``
        of the session reads rows anew (a row that the test still holds, ``await db.refresh(row)`` does), and a
        :class:`~velox.testing.TestClient` commits the session before each request.

    Raises:
        ConfigurationError: VX601 as in :func:`check_test_database`, and whatever the app's start raises.
    """
    from velox.testing.session import TestSession

    check_test_database(app)
    async with app.lifespan():
        await app.database.create_tables()
        async with app.database.isolated(), app.database.session_of(TestSession) as session:
            session.database = app.database
            # A handler may have changed the row that the session remembers.
            options = session.sync_session.execution_options
            session.sync_session.execution_options = options.union({"populate_existing": True})
            session.use.guarded = False  # a client commits it for the test, from tasks of its own
            shared = _Shared(app, session, asyncio.Lock())
            outer = _shared.get()
            _shared.set(shared)
            if app.jobs.tasks:
                app.jobs.connections.before_use = partial(settle, app)
            try:
                yield session
            finally:
                _shared.set(outer)
                if app.jobs.tasks:
                    app.jobs.connections.before_use = None
                await session.rollback()


@dataclass(frozen=True, slots=True)
class _Shared:
    app: Velox
    session: Session
    lock: asyncio.Lock


# A variable of the context: a test may make clients of its own, which have only the app in common with the session.
_shared: ContextVar[_Shared | None] = ContextVar("velox_testing_shared", default=None)


async def settle(app: Velox) -> None:
    """Commit what the test's session has written: its open transaction would keep the handlers from writing."""
    shared = _shared.get()
    if shared is None or shared.app is not app:
        return
    async with shared.lock:
        if shared.session.in_transaction():
            await shared.session.commit()
