"""What a room (the database, the cache, the queue, ...) promises the app."""

from __future__ import annotations

from typing import Any, Final, Protocol, runtime_checkable

__all__ = ["ENDPOINT_MARK", "Extension", "Installable"]

ENDPOINT_MARK: Final = "__velox_endpoint__"
"""The attribute of a compiled endpoint: the most bytes that its request's body may have. The wire calls a function that
has it straight, without Sanic's rounds for middleware and signals where there are none.
"""


@runtime_checkable
class Extension(Protocol):
    """Something with a life of its own inside the app: opened in each worker, closed in reverse order.

    Nothing may be opened before :meth:`start`: the app factory also runs in the parent process and in commands.
    """

    name: str
    """What ``/health/ready`` and the start-up messages call it."""

    async def start(self) -> None:
        """Open what it needs. An exception stops the server with a readable message."""

    async def stop(self) -> None:
        """Close everything; called once for each successful :meth:`start`."""

    async def ready(self) -> str | None:
        """``None`` when it can serve, else the reason why not, fit for a client to read."""


@runtime_checkable
class Installable(Protocol):
    """Something at module level of a feature folder that adds more to an app than a blueprint can."""

    def install(self, app: Any) -> None:
        """Add it to ``app``. Called by ``app.discover(...)``, once for each app."""
