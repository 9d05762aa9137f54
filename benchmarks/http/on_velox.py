"""The handlers in Velox, as its documentation would write them."""

from sanic import HTTPResponse, Request
from sanic.response import BaseHTTPResponse, text

from benchmarks.binding import on_velox
from velox import Settings, Velox

GREETING = "Hello, World!"


def create_app(settings: Settings | None = None) -> Velox:
    app = on_velox.create_app(settings)

    @app.get("/plaintext")
    async def plaintext() -> HTTPResponse:
        return text(GREETING)

    @app.get("/json")
    async def greet() -> dict[str, str]:
        return {"message": GREETING}

    return app


def create_watched(settings: Settings | None = None) -> Velox:
    """The same with middleware on both sides of its handlers; the settings add a request id and metrics."""
    app = create_app(settings)

    async def remember(request: Request) -> None:
        request.ctx.client = request.headers.get("user-agent", "")

    async def mark(request: Request, response: BaseHTTPResponse) -> None:
        response.headers["x-client"] = request.ctx.client

    app.register_middleware(remember, "request")
    app.register_middleware(mark, "response")
    return app
