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
    """The same with what a service in production has around its handlers: a request id, and a counter by status."""
    app = create_app(settings)
    answered: dict[int, int] = {}

    async def remember_id(request: Request) -> None:
        request.ctx.request_id = request.headers.get("x-request-id") or str(request.id)

    async def count(request: Request, response: BaseHTTPResponse) -> None:
        response.headers["x-request-id"] = request.ctx.request_id
        answered[response.status] = answered.get(response.status, 0) + 1

    app.register_middleware(remember_id, "request")
    app.register_middleware(count, "response")
    return app
