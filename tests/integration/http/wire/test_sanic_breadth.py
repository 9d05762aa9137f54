"""More of what Sanic's users write, on a real socket under both protocols: every answer and every step alike."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sanic import Blueprint, HTTPResponse, Request, Sanic, Websocket
from sanic.exceptions import NotFound, SanicException
from sanic.response import empty, file, file_stream, html, json, raw, redirect, text
from sanic.views import HTTPMethodView
from websockets.asyncio.client import connect

from tests.integration.http.wire.serving import Served, new_app, serving

OURS = frozenset({"alt-svc", "connection", "date", "expires", "server", "x-request-id"})


def get(path: str, *fields: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


def post(path: str, body: str, kind: str = "text/plain") -> bytes:
    return get(path, f"Content-Type: {kind}", f"Content-Length: {len(body)}", method="POST") + body.encode()


REQUESTS = [
    get("/api/v1/things/7"),
    get("/api/v1/things/7", method="DELETE"),
    get("/api/v1/things/x"),
    get("/api/v1/raise"),
    get("/view"),
    post("/view", "body"),
    get("/view", method="PUT"),
    get("/view", method="HEAD"),
    get("/url"),
    get("/redirect"),
    get("/empty"),
    get("/raw"),
    get("/html", method="HEAD"),
    get("/json?a=1&a=2&b="),
    get("/file"),
    get("/file-stream"),
    get("/cookies", "Cookie: a=1; b=2"),
    get("/header", "X-Twice: a", "X-Twice: b"),
    get("/auth", "Authorization: Bearer token"),
    get("/late"),
    get("/status/299"),
    get("/status/404"),
    get("/path/a/b%2Fc"),
    get("/uuid/7b0ad5b2-6e1e-4b8a-9f2d-0d8d5ff2f3b1"),
    get("/uuid/none"),
    post("/json", '{"a": [1, 2]}', "application/json"),
    post("/json", '{"a": ', "application/json"),
    post("/form", "a=1&a=2&b=%20", "application/x-www-form-urlencoded"),
    post(
        "/form",
        '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
    get("/nowhere"),
    get("/sync"),
]


@pytest.fixture
def log() -> list[str]:
    """What happened, in order."""
    return []


@pytest.fixture
def app(log: list[str], tmp_path: Path) -> Sanic[Any, Any]:
    app = new_app()
    app.ctx.log = log
    add_blueprints(app)
    add_middleware(app)
    add_responses(app)
    add_files(app, tmp_path / "file.txt")
    add_endings(app)
    add_requests(app)
    add_websockets(app)
    return app


def add_blueprints(app: Sanic[Any, Any]) -> None:
    """A group with a version, middleware and an error handler of its own."""
    things = Blueprint("things", url_prefix="/things")

    @things.get("/<number:int>")
    async def read(request: Request, number: int) -> HTTPResponse:
        return json({"number": number, "name": request.name, "path": request.path})

    @things.delete("/<number:int>")
    async def delete(request: Request, number: int) -> HTTPResponse:
        return empty()

    @things.on_request
    async def only_here(request: Request) -> None:
        request.app.ctx.log.append("blueprint middleware")

    others = Blueprint("others")

    @others.get("/raise")
    async def fails(request: Request) -> HTTPResponse:
        raise KeyError("other")

    @others.exception(KeyError)  # type: ignore[untyped-decorator]
    async def known(request: Request, error: KeyError) -> HTTPResponse:
        return text(f"known {error.args[0]}", 409)

    app.blueprint(Blueprint.group(things, others, url_prefix="/", version=1, version_prefix="/api/v"))


def add_middleware(app: Sanic[Any, Any]) -> None:
    """In the order of their priorities; one answers, one changes what a handler has made."""

    def named(name: str) -> Any:
        async def note(request: Request) -> None:
            request.app.ctx.log.append(name)

        return note

    app.register_middleware(named("second"), "request")
    app.register_middleware(named("first"), "request", priority=9)

    @app.on_response  # type: ignore[untyped-decorator]
    def mark(request: Request, response: HTTPResponse) -> HTTPResponse | None:
        request.app.ctx.log.append(f"response {response.status}")
        response.headers["X-Marked"] = "yes"
        return text("replaced", 203) if request.path == "/sync" else None

    @app.exception(NotFound)
    async def missing(request: Request, error: NotFound) -> HTTPResponse:
        return text("nothing here", 404)


def add_responses(app: Sanic[Any, Any]) -> None:
    """The helpers of sanic.response."""

    class View(HTTPMethodView):
        async def get(self, request: Request) -> HTTPResponse:
            return text("got")

        async def post(self, request: Request) -> HTTPResponse:
            return text(request.body.decode(), 201)

    app.add_route(View.as_view(), "/view")

    @app.get("/url")
    async def url(request: Request) -> HTTPResponse:
        return text(app.url_for("status", code=7, q="a b") + " " + request.url_for("status", code=7).partition("//")[0])

    @app.get("/redirect")
    async def away(request: Request) -> HTTPResponse:
        return redirect("/json?a=1")

    @app.get("/empty")
    async def nothing(request: Request) -> HTTPResponse:
        return empty(headers={"X-Empty": "yes"})

    @app.get("/raw")
    async def bytes_(request: Request) -> HTTPResponse:
        return raw(bytes(range(256)), content_type="application/x-bytes")

    @app.route("/html", methods=["GET", "HEAD"])
    async def page(request: Request) -> HTTPResponse:
        return html("<p>page")


def add_files(app: Sanic[Any, Any], path: Path) -> None:
    """Files, whole and in pieces."""
    path.write_text("a file\n" * 2000)

    @app.get("/file")
    async def whole(request: Request) -> HTTPResponse:
        return await file(path, filename="name.txt", max_age=7)

    @app.get("/file-stream")
    async def pieces(request: Request) -> Any:
        return await file_stream(path, chunk_size=100)


def add_endings(app: Sanic[Any, Any]) -> None:
    """Statuses, a response that was begun by hand, a handler that is no coroutine."""

    @app.get("/status/<code:int>", name="status")
    async def status(request: Request, code: int) -> HTTPResponse:
        if code == 404:
            raise SanicException("not this", 404, headers={"X-Why": "so"})
        return text(str(code), code)

    @app.get("/late")
    async def late(request: Request) -> None:
        response: HTTPResponse = await request.respond(headers={"X-Late": "1"}, status=202, content_type="text/plain")
        for number in range(3):
            await response.send(f"{number},")
            await asyncio.sleep(0)
        await response.eof()

    @app.get("/sync")
    def plain(request: Request) -> HTTPResponse:
        return text("plain")


def add_requests(app: Sanic[Any, Any]) -> None:
    """What a request knows."""

    @app.route("/json", methods=["GET", "POST"])
    async def both(request: Request) -> HTTPResponse:
        return json({"args": request.args, "query": request.query_args, "json": request.json if request.body else None})

    @app.post("/form")
    async def form(request: Request) -> HTTPResponse:
        return json(request.form)

    @app.get("/cookies")
    async def cookies(request: Request) -> HTTPResponse:
        response = json({"a": request.cookies.get("a"), "b": request.cookies.get("b")})
        response.add_cookie("c", "3", secure=False, httponly=True)
        response.delete_cookie("a")
        return response

    @app.get("/header")
    async def header(request: Request) -> HTTPResponse:
        return json([request.headers.getall("x-twice"), request.headers.get("X-TWICE"), request.host, request.method])

    @app.get("/auth")
    async def auth(request: Request) -> HTTPResponse:
        return json([request.token, request.scheme, request.server_name, request.query_string, request.version])

    @app.get("/path/<rest:path>")
    async def path(request: Request, rest: str) -> HTTPResponse:
        return text(rest)

    @app.get("/uuid/<value:uuid>")
    async def uuid(request: Request, value: Any) -> HTTPResponse:
        return text(f"{type(value).__name__} {value}")


def add_websockets(app: Sanic[Any, Any]) -> None:
    @app.websocket("/ws/<name>")  # type: ignore[untyped-decorator]
    async def talk(request: Request, ws: Websocket, name: str) -> None:
        await ws.send(f"hello {name}")
        await ws.send(str(await ws.recv()).upper())
        await ws.send(b"bytes")
        await ws.close(4000, "enough")


async def answers(served: Served) -> list[Any]:
    """The answers to all requests, each on a connection of its own, without what is Velox's own or a time."""
    found = []
    for request in REQUESTS:
        answer = await served.ask(request.replace(b"\r\nHost: a\r\n", b"\r\nHost: a\r\nConnection: close\r\n"))
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = sorted((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        found.append(
            (request, first.split(" ")[1], [field for field in fields if field[0] not in OURS], without_id(body))
        )
    return found


def without_id(body: bytes) -> bytes:
    """A problem's request id is another one each time."""
    return body.partition(b',"request_id"')[0]


async def conversation(served: Served) -> list[Any]:
    """What a WebSocket's client hears."""
    async with connect(f"ws://127.0.0.1:{served.port}/ws/you") as ws:
        heard: list[Any] = [await ws.recv()]
        await ws.send("shout")
        heard += [await ws.recv(), await ws.recv()]
        await ws.wait_closed()
        return [*heard, ws.close_code, ws.close_reason]


async def test_everything_is_alike_under_both_protocols(app: Sanic[Any, Any], log: list[str]) -> None:
    """Statuses, fields, bodies, the order of middleware, WebSockets."""
    seen: list[Any] = []
    for stock in (False, True):
        log.clear()
        async with serving(app, stock=stock) as served:
            seen.append((await answers(served), await conversation(served), list(log)))
        app.router.reset()
        app.signal_router.reset()
    velox, sanic = seen
    for ours, theirs in zip(velox[0], sanic[0], strict=True):
        assert theirs == ours
    assert ["hello you", "SHOUT", b"bytes", 4000, "enough"] == sanic[1] == velox[1]
    assert sanic[2] == velox[2]
