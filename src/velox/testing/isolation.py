"""Databases that forget: which ones tests may write to, and undoing what a test wrote."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["check_test_database", "is_test_database", "isolated"]

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
    if not is_test_database(settings.database_url):
        raise ConfigurationError(
            "VX601",
            f"the database {app.database.display_url} ({settings.source_of('database_url')}) is not a test database",
            hint="Unset VELOX_DATABASE_URL to test with a temporary SQLite file, or name a database with the word "
            "'test' in its name",
        )


@asynccontextmanager
async def isolated(app: Velox) -> AsyncIterator[Velox]:
    """Start ``app``; what it and its handlers write until the end is undone then, also what they committed.

    Raises:
        ConfigurationError: VX601 as in :func:`check_test_database`, and whatever the app's start raises.
    """
    check_test_database(app)
    async with app.lifespan(), app.database.isolated():
        yield app
