"""An app that answers with what it has seen, for Velox and for Sanic alone; ``echo_asgi`` is its twin."""

from __future__ import annotations

from typing import Any

from sanic import HTTPResponse, Request, Sanic, Websocket
from sanic.response import json

from velox import Settings, Velox

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
AFTER = "/after/"


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("echo", settings=settings or Settings(docs=False))
    register(app)
    return app


def create_stock_app() -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic("echo", configure_logging=False)
    register(app)
    return app


def register(app: Sanic[Any, Any]) -> None:
    """The same handlers on either."""
    followers: list[str] = []

    async def echo(request: Request) -> HTTPResponse:
        if request.path.startswith(AFTER):
            followers.append(request.path)
        return json(seen(request))

    async def echo_below(request: Request, rest: str) -> HTTPResponse:
        return await echo(request)

    async def reached(request: Request) -> HTTPResponse:
        """The paths of the requests that came to ``/after/``, in order; asking forgets them."""
        answer = json(list(followers))
        followers.clear()
        return answer

    async def chat(request: Request, ws: Websocket) -> None:
        while (message := await ws.recv()) is not None:
            await ws.send(message)

    app.add_route(reached, "/reached", methods=["GET"])
    app.add_websocket_route(chat, "/chat")
    app.add_route(echo, "/", methods=METHODS)
    app.add_route(echo_below, "/<rest:path>", methods=METHODS, name="echo_below")


def seen(request: Request) -> dict[str, Any]:
    """What is sent back; bytes are written as Latin-1."""
    headers: dict[str, str] = {}
    for name in request.headers:
        headers[name.lower()] = ", ".join(request.headers.getall(name))
    headers.pop("host", None)
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query_string,
        "body": request.body.decode("latin-1"),
        "headers": headers,
        "host": request.host,
    }
