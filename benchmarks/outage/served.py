"""What is served while its Redis fails: an answer that is always made anew, and one that is counted."""

from __future__ import annotations

from velox import Settings, Velox


def create_app() -> Velox:
    app = Velox("outage", Settings())

    @app.get("/cached/<name>", cache="30s")
    async def cached(name: str) -> str:
        return name

    @app.get("/limited/<name>", limit="1000000/minute")
    async def limited(name: str) -> str:
        return name

    return app
