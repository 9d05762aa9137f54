"""TechEmpower's tests on Velox: the app factory, and the two tests that need no database."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sanic import HTTPResponse
from sanic.response import text
from sqlalchemy.ext.asyncio import AsyncEngine

from examples.techempower import fortunes, worlds
from examples.techempower.cache import WorldCache
from examples.techempower.postgres import make_engine, open_session
from examples.techempower.settings import ExampleSettings
from velox import Velox

__all__ = ["create_app"]

GREETING = "Hello, World!"


def create_app(settings: ExampleSettings | None = None) -> Velox:
    settings = settings or ExampleSettings()
    app = Velox("techempower", settings)
    url, pool_size = settings.example_pg_url, settings.example_pg_pool_size

    async def open_engine() -> AsyncIterator[AsyncEngine]:
        engine = make_engine(url, pool_size)
        yield engine
        await engine.dispose()

    app.provide(open_engine, scope="app")
    app.provide(WorldCache, scope="app")
    app.provide(open_session)

    @app.get("/json")
    async def greet() -> dict[str, str]:
        return {"message": GREETING}

    @app.get("/plaintext")
    async def greet_plainly() -> HTTPResponse:
        return text(GREETING)

    app.blueprint(worlds.blueprint)
    app.blueprint(fortunes.blueprint)
    return app
