"""The app that is killed, stopped and restarted."""

from __future__ import annotations

import asyncio
import os

from velox import Settings, Velox


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("chaos", settings)

    @app.get("/pid")
    async def pid() -> int:
        """Who answers."""
        return os.getpid()

    @app.get("/work")
    async def work(seconds: float = 0.005) -> str:
        """So that some requests are always in flight."""
        await asyncio.sleep(seconds)
        return "done"

    return app
