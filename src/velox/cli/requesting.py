"""One request to the project's app, in this process, undone afterwards; and the statements that it took."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db.observing import Seen

__all__ = ["Request", "requested"]

_ROUTE = re.compile(r"(?:(?P<method>GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) +)?(?P<target>/\S*)")
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Request:
    """What is typed as ``GET /links?tag=x``."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    """JSON."""

    @classmethod
    def parse(cls, text: str, headers: Sequence[str] = (), body: str | None = None) -> Request | None:
        """The request in ``text``; ``None`` when it is none, but SQL.

        Raises:
            ConfigurationError: VX106, a header is not ``Name: value``.
        """
        found = _ROUTE.fullmatch(text.strip())
        if found is None:
            return None
        method = found["method"] or ("GET" if body is None else "POST")
        return cls(method, found["target"], tuple(map(_header, headers)), body)

    @property
    def safe(self) -> bool:
        """Whether HTTP says that it changes nothing (RFC 9110, 9.2.1)."""
        return self.method in SAFE


@asynccontextmanager
async def requested(app: Velox, request: Request) -> AsyncIterator[tuple[str, list[Seen]]]:
    """Start the app, send it the request, and undo at the end what that did to the database.

    Yields:
        The answer's status, with the reason where it is a problem, and the statements in their order. The database
        is as the request has left it.

    Raises:
        ConfigurationError: VX701 without httpx, and whatever the app's start raises.
    """
    from velox.testing import TestClient

    seen: list[Seen] = []
    client = TestClient(app, base_url="http://localhost")
    async with app.lifespan(), app.database.isolated(), client:
        with app.database.listening(seen.append):
            headers = [*request.headers, *([("Content-Type", "application/json")] if request.body else [])]
            answer = await client.request(request.method, request.target, headers=headers, content=request.body)
        yield str(answer.status_code) if answer.is_success else repr(answer).strip("<>"), seen


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ConfigurationError("VX106", f"{text!r} is no header", hint="Write --header 'Name: value'.")
    return name.strip(), value.strip()
