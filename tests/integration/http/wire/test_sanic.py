"""What a Sanic user writes works alike under Velox's protocol and under Sanic's own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sanic import HTTPResponse, Request, Sanic, Websocket
from sanic.exceptions import Forbidden
from sanic.response import json, text
from sanic.views import stream as reads_stream
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tests.integration.http.wire.serving import Served, new_app, serving

OURS = frozenset({"alt-svc", "connection", "date", "server"})  # Sanic leaves an empty Alt-Svc, or none


@pytest.fixture(params=["velox", "sanic"])
def stock(request: pytest.FixtureRequest) -> bool:
    """Whether Sanic's own protocol serves."""
    return bool(request.param == "sanic")


@pytest.fixture
def log() -> list[str]:
    """What happened, in order."""
    return []


@pytest.fixture
def app(log: list[str], tmp_path: Path) -> Sanic[Any, Any]:
    """A bit of everything."""
    app = new_app()
    (tmp_path / "file.txt").write_text("a file")
    app.static("/files", tmp_path)

    @app.on_request
    async def before(request: Request) -> HTTPResponse | None:
        log.append("request middleware")
        request.ctx.user = "me"
        return text("stopped") if request.path == "/stopped" else None

    @app.on_response  # type: ignore[untyped-decorator]
    async def after(request: Request, response: HTTPResponse) -> None:
        log.append("response middleware")
        response.headers["X-After"] = request.ctx.user if hasattr(request.ctx, "user") else "nobody"

    @app.get("/hello/<name>")
    async def hello(request: Request, name: str) -> HTTPResponse:
        connection: Any = request.conn_info
        connection.ctx.count = getattr(connection.ctx, "count", 0) + 1
        seen = {"name": name, "args": request.args, "token": request.headers.get("x-token"), "ip": request.ip}
        return json({**seen, "user": request.ctx.user, "count": connection.ctx.count})

    @app.get("/cookie")
    async def cookie(request: Request) -> HTTPResponse:
        response = text(str(request.cookies.get("seen")))
        response.add_cookie("seen", "yes", secure=False)
        return response

    @app.get("/forbidden")
    async def forbidden(request: Request) -> HTTPResponse:
        raise Forbidden("not you")

    @app.get("/caught")
    async def caught(request: Request) -> HTTPResponse:
        raise LookupError("known")

    @app.exception(LookupError)
    async def known(request: Request, error: LookupError) -> HTTPResponse:
        return text(f"caught {error.args[0]}", status=418)

    @app.websocket("/chat", subprotocols=["soup"])  # type: ignore[untyped-decorator]
    async def chat(request: Request, ws: Websocket) -> None:
        async for message in ws:
            await ws.send(message)

    app.add_websocket_route(chat, "/plain", name="plain")
    add_readers(app)
    return app


def add_readers(app: Sanic[Any, Any]) -> None:
    """Handlers that read bodies in all ways."""

    @app.post("/form")
    async def form(request: Request) -> HTTPResponse:
        return json({"form": request.form, "json": request.json if not request.form else None})

    @app.post("/upload", stream=True)
    async def upload(request: Request) -> HTTPResponse:
        size, body = 0, cast("Any", request.stream)
        while (piece := await body.read()) is not None:
            size += len(piece)
        return text(str(size))

    @app.post("/echo")
    @reads_stream  # type: ignore[untyped-decorator]
    async def echo(request: Request) -> None:
        response = await request.respond(content_type="text/plain")
        async for piece in cast("Any", request.stream):
            await response.send(piece.upper())
        await response.eof()


FORM = b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
REQUESTS = [
    b"GET /hello/a%20b?x=1&x=2 HTTP/1.1\r\nHost: a\r\nX-Token: t\r\n\r\n",
    b"GET /stopped HTTP/1.1\r\nHost: a\r\n\r\n",
    FORM + b"Content-Length: 7\r\n\r\na=1&b=2",
    b'POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}',
    b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200_000,
    b"GET /cookie HTTP/1.1\r\nHost: a\r\nCookie: seen=yes\r\n\r\n",
    b"GET /forbidden HTTP/1.1\r\nHost: a\r\nX-Request-ID: one\r\n\r\n",
    b"GET /caught HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /nowhere HTTP/1.1\r\nHost: a\r\nX-Request-ID: one\r\n\r\n",
    b"DELETE /cookie HTTP/1.1\r\nHost: a\r\nX-Request-ID: one\r\n\r\n",
    b"GET /files/file.txt HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /files/file.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-3\r\n\r\n",
    b"GET /files/../secret HTTP/1.1\r\nHost: a\r\nX-Request-ID: one\r\n\r\n",
]


async def answers(served: Served) -> list[Any]:
    """The answers to all requests on one connection, without the fields that are Velox's own."""
    found = []
    async with served.connect() as client:
        for request in REQUESTS:
            await client.send(request)
            status, fields, body = await client.answer()
            found.append((status, {name: fields[name] for name in fields if name not in OURS}, body))
    return found


async def test_both_protocols_give_the_same_answers(app: Sanic[Any, Any], log: list[str]) -> None:
    """Status, fields, body, and the middleware in the same order."""
    async with serving(app) as served:
        velox, velox_log = await answers(served), log.copy()
    log.clear()
    app.router.reset()
    app.signal_router.reset()
    async with serving(app, stock=True) as served:
        assert velox == await answers(served)
    assert velox_log == log


async def test_a_body_can_be_answered_while_it_comes(app: Sanic[Any, Any], *, stock: bool) -> None:
    """Streams in both directions at once."""
    async with serving(app, stock=stock) as served, served.connect() as client:
        await client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        assert (await client.until(b"ABC\r\n")).startswith(b"HTTP/1.1 200 ")
        await client.send(b"2\r\nde\r\n0\r\n\r\n")
        assert b"2\r\nDE\r\n0\r\n\r\n" == await client.until(b"0\r\n\r\n")


async def test_websockets_echo(app: Sanic[Any, Any], *, stock: bool) -> None:
    """Text, bytes, a subprotocol, a proper end."""
    async with serving(app, stock=stock) as served:
        async with connect(f"ws://127.0.0.1:{served.port}/chat", subprotocols=["soup"]) as ws:  # type: ignore[list-item]
            for message in ("hello", b"bytes", "x" * 100_000):
                await ws.send(message)
                assert message == await ws.recv()
            assert "soup" == ws.subprotocol
        assert 1000 == ws.close_code


async def test_a_websocket_with_text_that_is_no_text_is_closed_with_1007(app: Sanic[Any, Any]) -> None:
    """RFC 6455, section 8.1."""
    async with serving(app) as served, connect(f"ws://127.0.0.1:{served.port}/plain") as ws:
        await ws.send(b"caf\xc3", text=True)
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
    assert caught.value.rcvd is not None
    assert 1007 == caught.value.rcvd.code


async def test_a_websockets_handshake_that_is_refused_is_a_problem(app: Sanic[Any, Any]) -> None:
    """With what would be right."""
    async with serving(app) as served, served.connect() as client:
        await client.send(b"GET /chat HTTP/1.1\r\nHost: a\r\n\r\n")
        status, fields, _ = await client.answer()
    assert (426, "websocket") == (status, fields["upgrade"])


async def test_bytes_right_after_a_handshake_are_the_websockets(app: Sanic[Any, Any]) -> None:
    """A client need not wait for the answer."""
    handshake = (
        b"GET /plain HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    frame = b"\x81\x82\x00\x00\x00\x00hi"
    async with serving(app) as served, served.connect() as client:
        await client.send(handshake + frame)
        assert (await client.until(b"\x81\x02hi")).startswith(b"HTTP/1.1 101 ")


SIGNALS = [
    "http.lifecycle.begin",
    "http.lifecycle.read_head",
    "http.lifecycle.request",
    "http.lifecycle.handle",
    "http.routing.before",
    "http.routing.after",
    "http.lifecycle.read_body",
    "http.handler.before",
    "http.handler.after",
    "http.lifecycle.response",
    "http.lifecycle.send",
    "http.lifecycle.complete",
]


async def test_every_signal_of_a_request_is_sent(*, stock: bool) -> None:
    """In Sanic's order."""
    app, log, complete = new_app(), [], asyncio.Event()

    def listen(name: str) -> None:
        @app.signal(name)
        async def note(**context: Any) -> None:
            log.append(name)
            if name == SIGNALS[-1]:
                complete.set()

    for name in SIGNALS:
        listen(name)

    @app.post("/")
    async def handler(request: Request) -> HTTPResponse:
        return text("done")

    async with serving(app, stock=stock) as served:
        await served.ask(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\na")
        async with asyncio.timeout(2):
            await complete.wait()
    assert SIGNALS == log


async def test_an_app_may_have_its_own_class_of_requests(*, stock: bool) -> None:
    """Made as Sanic makes it."""

    class OwnRequest(Request):
        @staticmethod
        def make_context() -> SimpleNamespace:
            return SimpleNamespace(own=True)

    app = new_app()
    app.request_class = OwnRequest

    @app.get("/")
    async def handler(request: Request) -> HTTPResponse:
        return json([type(request).__name__, request.ctx.own, request.path, request.ip])

    async with serving(app, stock=stock) as served, served.connect() as client:
        await client.send(b"GET /?a=b HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b'["OwnRequest",true,"\\/","127.0.0.1"]' == (await client.answer())[2].replace(b'"/"', b'"\\/"')


async def test_what_is_added_while_it_serves_is_served() -> None:
    """app.amend() adds routes and middleware to a started app."""
    app = new_app()

    @app.get("/one")
    async def one(request: Request) -> HTTPResponse:
        return text("one")

    one.__velox_endpoint__ = 0  # type: ignore[attr-defined]
    async with serving(app) as served, served.connect() as client:
        await client.send(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"one" == (await client.answer())[2]
        with app.amend():

            @app.on_response  # type: ignore[untyped-decorator]
            async def mark(request: Request, response: HTTPResponse) -> None:
                response.headers["X-Marked"] = "yes"

        await client.send(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
        assert "yes" == (await client.answer())[1]["x-marked"]
