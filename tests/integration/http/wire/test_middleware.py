"""Middleware around endpoints that are called straight does what it does under Sanic's own protocol."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from sanic import Blueprint, HTTPResponse, Request, Sanic
from sanic.exceptions import Forbidden
from sanic.response import json, text

from tests.integration.http.wire.serving import Served, new_app, serving
from velox.extension import ENDPOINT_MARK

OURS = frozenset({"alt-svc", "connection", "date", "server", "x-request-id"})

Make = Callable[[Sanic[Any, Any], list[str]], None]


def endpoint(app: Any, path: str, handler: Any, *methods: str) -> None:
    """Add ``handler`` as what the wire calls straight."""
    setattr(handler, ENDPOINT_MARK, 1024)
    app.add_route(handler, path, methods=methods or ["GET"])


def hello(log: list[str]) -> Any:
    async def handler(request: Request, **values: Any) -> HTTPResponse:
        log.append(f"handler {request.route.path if request.route else ''} {sorted(request.match_info.items())}")
        return json({"body": request.body.decode(), "ctx": sorted(vars(request.ctx))})

    return handler


def ordered(app: Sanic[Any, Any], log: list[str]) -> None:
    """Sync and async, by priority, of the app and of a blueprint."""
    group = Blueprint("group", url_prefix="/group")

    def note(word: str, *, waits: bool, answers: bool = False) -> Any:
        async def slow(request: Request, *response: HTTPResponse) -> None:
            await asyncio.sleep(0)
            log.append(f"{word} {[one.status for one in response]}")
            setattr(request.ctx, word.replace(" ", "_"), True)

        def quick(request: Request, *response: HTTPResponse) -> None:
            log.append(f"{word} {[one.status for one in response]}")
            for one in response:
                one.headers[f"x-{word.replace(' ', '-')}"] = "yes"

        return slow if waits else quick

    app.register_middleware(note("last", waits=False), "request", priority=-1)
    app.register_middleware(note("first", waits=True), "request", priority=9)
    app.register_middleware(note("one", waits=True), "request")
    app.register_middleware(note("two", waits=False), "request")
    app.register_middleware(note("answer one", waits=False), "response")
    app.register_middleware(note("answer two", waits=True), "response", priority=3)
    app.register_middleware(note("answer three", waits=False), "response", priority=-3)
    group.middleware(note("group", waits=False), "request")
    group.middleware(note("group answer", waits=False), "response")
    endpoint(group, "/<number:int>/<name>", hello(log))
    app.blueprint(group)


def early(app: Sanic[Any, Any], log: list[str]) -> None:
    """A request middleware that answers: no handler, no other request middleware, but all response middleware."""

    @app.on_request
    def stop(request: Request) -> Any:
        log.append("stop")
        return {"early": text("early", 203), "none": None, "empty": "", "junk": "no response"}.get(
            request.args.get("with", "none")
        )

    @app.on_request
    def after(request: Request) -> None:
        log.append("not stopped")

    mark(app, log)


def mark(app: Sanic[Any, Any], log: list[str], value: str = "yes") -> None:
    @app.on_response  # type: ignore[untyped-decorator]
    async def seen(request: Request, response: HTTPResponse) -> None:
        log.append(f"seen {response.status}")
        response.headers["X-Seen"] = value
        response.headers["Content-Type"] = response.content_type or "none"


def replaced(app: Sanic[Any, Any], log: list[str]) -> None:
    """A response middleware that returns another response ends the round."""

    @app.on_response  # type: ignore[untyped-decorator]
    async def other(request: Request, response: HTTPResponse) -> Any:
        log.append("other")
        kind = request.args.get("with")
        return {"early": text("instead", 299), "junk": "no response"}.get(kind or "")

    mark(app, log)


def failing(app: Sanic[Any, Any], log: list[str]) -> None:
    """Errors in request middleware are answers, whose response middleware runs once."""

    @app.on_request
    async def fail(request: Request) -> None:
        log.append("fail")
        if request.args.get("with") == "early":
            raise Forbidden("not you")
        if request.args.get("with") == "junk":
            raise LookupError("unknown")

    mark(app, log)


def failing_late(app: Sanic[Any, Any], log: list[str]) -> None:
    """Errors in response middleware are logged; the answer is the one before."""
    mark(app, log, "before")

    @app.on_response  # type: ignore[untyped-decorator]
    async def fail(request: Request, response: HTTPResponse) -> None:
        log.append("fail")
        response.headers["X-Half"] = "yes"
        if request.args.get("with") == "early":
            raise LookupError("unknown")


def responding(app: Sanic[Any, Any], log: list[str]) -> None:
    """Handlers that respond by themselves, whole or piece by piece, and one that fails."""
    mark(app, log)

    async def streams(request: Request) -> None:
        response = await request.respond(content_type="text/plain", headers={"Content-Length": "6"})
        await response.send("one")
        await response.send("two")
        await response.eof()

    async def responds(request: Request) -> Any:
        return await request.respond(text("by itself"))

    async def fails(request: Request) -> HTTPResponse:
        raise Forbidden("not you")

    for handler in (streams, responds, fails):
        endpoint(app, f"/{handler.__name__}", handler)


def ask(path: str, method: str = "GET", body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nX-Request-ID: one\r\n".encode() + length + b"\r\n" + body


REQUESTS = [
    *(ask(f"/hello?with={kind}") for kind in ("none", "early", "empty", "junk")),
    ask("/hello", "POST", b"a body"),
    ask("/hello", "HEAD"),
    ask("/group/12/a%20b"),
    ask("/group/x/a"),
    ask("/group/12/"),
    ask("/nowhere"),
    ask("/hello", "DELETE"),
    ask("/streams"),
    ask("/responds"),
    ask("/fails"),
    ask("/hello", "POST", b"too long" * 300),
]


async def answers(served: Served) -> list[Any]:
    found = []
    for request in REQUESTS:
        async with served.connect() as client:
            await client.send(request)
            status, fields, body = await client.answer(has_body=not request.startswith(b"HEAD"))
            found.append((request, status, {name: fields[name] for name in fields if name not in OURS}, body))
    return found


@pytest.mark.parametrize("make", [ordered, early, replaced, failing, failing_late, responding])
async def test_middleware_does_the_same_under_both_protocols(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Answers, order, and what is logged as an error."""
    caplog.set_level(logging.CRITICAL + 1, "sanic.access")
    outcomes = []
    for stock in (False, True):
        app, log = new_app(), []  # type: ignore[var-annotated]
        app.config.REQUEST_MAX_SIZE = 1024
        endpoint(app, "/hello", hello(log), "GET", "POST", "HEAD")
        make(app, log)
        caplog.clear()
        async with serving(app, stock=stock) as served:
            found = await answers(served)
        errors = [record.getMessage() for record in caplog.records if "middleware" in record.getMessage()]
        outcomes.append((found, log, errors))
    velox, sanic = outcomes
    for ours, theirs in zip(velox[0], sanic[0], strict=True):
        assert theirs == ours
    assert sanic[1:] == velox[1:]


async def test_such_a_route_is_called_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the tests above compare Sanic with itself."""
    app, log = new_app(), []  # type: ignore[var-annotated]
    endpoint(app, "/hello", hello(log))
    ordered(app, log)
    through_sanic: list[str] = []
    monkeypatch.setattr("velox.http.protocol.answer_through_sanic", lambda *_: through_sanic.append("once"))
    async with serving(app) as served, served.connect() as client:
        await client.send(ask("/hello"))
        assert 200 == (await client.answer())[0]
    assert not through_sanic
