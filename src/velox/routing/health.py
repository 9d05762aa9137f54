"""``/health/live`` and ``/health/ready``: what an orchestrator asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from velox.errors import ServiceUnavailable
from velox.routing.route import Routes

__all__ = ["mount"]


def mount(app: Routes, readiness: Callable[[], Awaitable[Mapping[str, str]]]) -> None:
    """Add both routes to ``app``.

    Args:
        app: The app.
        readiness: Why the app cannot serve, by the name of the part; empty when it can.
    """

    async def live() -> dict[str, str]:
        """The process is there and its loop turns."""
        return {"status": "ok"}

    async def ready() -> dict[str, str]:
        """It can serve: it has started, is not draining, and every part it stands on answers."""
        reasons = await readiness()
        if reasons:
            detail = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise ServiceUnavailable(detail, title="Not ready", extensions={"reasons": dict(reasons)})
        return {"status": "ok"}

    app.get("/health/live", hidden=True, limit=False, cache=False, name="health_live")(live)
    app.get("/health/ready", hidden=True, limit=False, cache=False, name="health_ready")(ready)
