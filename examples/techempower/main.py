"""TechEmpower's tests on Velox: the app factory, and the two tests that need no database."""

from __future__ import annotations

from sanic import HTTPResponse
from sanic.response import text

from examples.techempower import fortunes, worlds
from examples.techempower.cache import WorldCache
from examples.techempower.settings import ExampleSettings
from velox import Velox

__all__ = ["create_app"]

GREETING = "Hello, World!"


def create_app(settings: ExampleSettings | None = None) -> Velox:
    settings = settings or ExampleSettings()
    app = Velox("techempower", settings)

    def make_cache() -> WorldCache:
        return WorldCache(app.database)

    app.provide(make_cache, scope="app")

    @app.get("/json")
    async def greet() -> dict[str, str]:
        return {"message": GREETING}

    @app.get("/plaintext")
    async def greet_plainly() -> HTTPResponse:
        return text(GREETING)

    app.blueprint(worlds.blueprint)
    app.blueprint(fortunes.blueprint)
    return app
