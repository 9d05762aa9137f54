"""The app that is killed, stopped and restarted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from sanic import HTTPResponse, Request
from sanic.response import text

from velox import EventStream, Settings, UploadFile, Velox


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

    @app.post("/body")
    async def body(request: Request) -> HTTPResponse:
        """How long the body is."""
        return text(str(len(request.body)))

    @app.get("/events")
    async def events() -> EventStream[int]:
        """They never end by themselves."""
        for number in count():
            yield number
            await asyncio.sleep(0.01)

    @app.get("/endless")
    async def endless() -> AsyncIterator[bytes]:
        """As much as a client reads."""
        while True:
            yield bytes(16_384)
            await asyncio.sleep(0)

    @app.post("/json")
    async def json(body: dict[str, Any]) -> int:
        """How many members the body has."""
        return len(body)

    @app.post("/upload")
    async def upload(file: UploadFile) -> int:
        """How long the file is."""
        return file.size_bytes

    return app
