"""What comes back, and in which order."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty, text

from tests.integration.http.wire.serving import new_app, serving
from velox.extension import ENDPOINT_MARK
from velox.http import Budgets

CHUNKED = b"POST /body HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


def get(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *fields, "", ""]).encode()


def straight(handler: Any) -> Any:
    """``handler``, marked as one that may be called without Sanic around it."""
    setattr(handler, ENDPOINT_MARK, 1000)
    return handler


@pytest.fixture(params=["through Sanic", "straight"])
def app(request: pytest.FixtureRequest) -> Sanic[Any, Any]:
    """The same handlers in both lanes."""
    app = new_app()
    mark = straight if request.param == "straight" else lambda handler: handler

    async def now(request: Request) -> HTTPResponse:
        return text(f"now {request.args.get('n', '')}")

    async def later(request: Request, pause_ms: str) -> HTTPResponse:
        async with asyncio.timeout(5):
            await asyncio.sleep(int(pause_ms) / 1000)
        return text(f"later {pause_ms}")

    async def body(request: Request) -> HTTPResponse:
        return text(f"{len(request.body)} {request.body[:5].decode()}")

    async def status(request: Request, code: str) -> HTTPResponse:
        return HTTPResponse(b"" if code in ("204", "304") else b"body", int(code))

    async def fails(request: Request) -> HTTPResponse:
        raise RuntimeError("broken")

    async def stream(request: Request) -> None:
        response = await request.respond(content_type="text/plain")
        for piece in ("one,", "two,", "three"):
            await response.send(piece)
            await asyncio.sleep(0)
        await response.eof()

    async def half(request: Request) -> None:
        response = await request.respond()
        await response.send("half")
        raise RuntimeError("broken")

    async def forged(request: Request) -> HTTPResponse:
        return HTTPResponse(b"", headers={"X-Own": "a\r\nInjected: yes\0"})

    async def remembers(request: Request) -> HTTPResponse:
        before = VARIABLE.get()
        VARIABLE.set("set")
        current = asyncio.current_task()
        return text(f"{before} {Request.get_current() is request} {current is not None}")

    app.add_route(mark(now), "/now", methods=["GET", "HEAD"])
    app.add_route(mark(later), "/later/<pause_ms>", methods=["GET"])
    app.add_route(mark(body), "/body", methods=["POST"])
    app.add_route(mark(status), "/status/<code>", methods=["GET", "HEAD"])
    app.add_route(mark(fails), "/fails", methods=["GET"])
    app.add_route(mark(stream), "/stream", methods=["GET", "HEAD"])
    app.add_route(mark(half), "/half", methods=["GET"])
    app.add_route(mark(forged), "/forged", methods=["GET"])
    app.add_route(mark(remembers), "/remembers", methods=["GET"])
    return app


async def test_pipelined_requests_are_answered_in_order(app: Sanic[Any, Any]) -> None:
    """However long each takes, and wherever the bytes are cut."""
    requests = get("/later/20") + get("/now?n=1") + b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    requests += get("/later/1") + get("/now?n=2", "Connection: close")
    async with serving(app) as served:
        for cut in (0, 1, 30, 60, 100, len(requests) - 1):
            async with served.connect() as client:
                await client.send(requests[:cut], requests[cut:])
                bodies = [(await client.answer())[2] for _ in range(5)]
                assert b"" == await client.rest()
            assert [b"later 20", b"now 1", b"5 hello", b"later 1", b"now 2"] == bodies


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/now?n=1", "Connection: close"),
        b"POST /body HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        CHUNKED + b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
        b"\r\n" + get("/later/0", "Connection: close"),
    ],
)
async def test_a_request_split_at_any_byte_is_the_same_request(app: Sanic[Any, Any], request_bytes: bytes) -> None:
    """Packets end where they like."""
    async with serving(app) as served:
        whole = without_date(await served.ask(request_bytes))
        assert whole.startswith(b"HTTP/1.1 200 ")
        for cut in range(1, len(request_bytes)):
            async with served.connect() as client:
                await client.send(request_bytes[:cut])
                await asyncio.sleep(0)
                await client.send(request_bytes[cut:])
                assert whole == without_date(await client.rest())


def without_date(answer: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]*\r\n", b"", answer)


async def test_answers_have_date_and_server(app: Sanic[Any, Any]) -> None:
    """Date by RFC 9110, section 6.6.1."""
    async with serving(app) as served, served.connect() as client:
        await client.send(get("/now"))
        _, fields, _ = await client.answer()
    assert "velox" == fields["server"]
    assert parsedate_to_datetime(fields["date"]).tzinfo is not None
    assert "connection" not in fields


async def test_head_has_the_head_of_get(app: Sanic[Any, Any]) -> None:
    """The same fields, no body; also of a stream."""
    async with serving(app) as served:
        for path in ("/now?n=12", "/stream", "/status/404"):
            with_body = await served.ask(get(path, "Connection: close"))
            without = await served.ask(get(path, "Connection: close", method="HEAD"))
            assert without_date(with_body.partition(b"\r\n\r\n")[0] + b"\r\n\r\n") == without_date(without)


@pytest.mark.parametrize("code", ["204", "304"])
async def test_answers_that_have_no_body_have_none(app: Sanic[Any, Any], code: str) -> None:
    """No Content-Length and no Content-Type either, and the connection goes on."""
    async with serving(app) as served:
        answer = await served.ask(get(f"/status/{code}") + get("/now?n=1", "Connection: close"))
    first, _, second = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 " + code.encode())
    assert b"content-" not in first.lower()
    assert second.startswith(b"HTTP/1.1 200 ")


async def test_a_stream_is_chunked_and_whole_for_http_1_0(app: Sanic[Any, Any]) -> None:
    """HTTP/1.0 has no chunks: the end of the connection is the end of the body."""
    async with serving(app) as served:
        chunked = await served.ask(get("/stream", "Connection: close"))
        plain = await served.ask(get("/stream", "Connection: keep-alive", version="1.0"))
    assert chunked.endswith(b"\r\n\r\n4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n")
    assert plain.endswith(b"\r\n\r\none,two,three")
    assert b"Transfer-Encoding" not in plain


async def test_http_1_0_is_kept_alive_on_request(app: Sanic[Any, Any]) -> None:
    """And the answer says so."""
    async with serving(app) as served, served.connect() as client:
        await client.send(get("/now", "Connection: keep-alive", version="1.0"))
        _, fields, _ = await client.answer()
        assert "keep-alive" == fields["connection"]
        await client.send(get("/now", version="1.0"))
        assert "close" == (await client.answer())[1]["connection"]
        assert b"" == await client.rest()


async def test_half_an_answer_breaks_the_connection(app: Sanic[Any, Any]) -> None:
    """It has no last chunk, so that nobody takes it for a whole one."""
    async with serving(app) as served, served.connect() as client:
        await client.send(get("/half"))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.until(b"0\r\n\r\n")


async def test_an_error_is_a_problem_and_the_connection_goes_on(app: Sanic[Any, Any]) -> None:
    """Of an unexpected one nothing is told."""
    async with serving(app) as served, served.connect() as client:
        await client.send(get("/fails") + get("/nowhere") + get("/now"))
        status, fields, body = await client.answer()
        assert (500, "application/problem+json") == (status, fields["content-type"])
        assert b"broken" not in body
        assert 404 == (await client.answer())[0]
        assert 200 == (await client.answer())[0]


async def test_header_values_cannot_forge_headers(app: Sanic[Any, Any]) -> None:
    """CR, LF and NUL never reach the wire."""
    async with serving(app) as served, served.connect() as client:
        await client.send(get("/forged"))
        _, fields, _ = await client.answer()
    assert "aInjected: yes" == fields["x-own"]
    assert "injected" not in fields


async def test_requests_of_a_connection_do_not_share_context(app: Sanic[Any, Any]) -> None:
    """Each has a context of its own, a current task, and is Request.get_current()."""
    async with serving(app) as served, served.connect() as client:
        await client.send(get("/remembers") * 2)
        assert [b"unset True True"] * 2 == [(await client.answer())[2] for _ in range(2)]


async def test_expect_100_continue_is_answered_when_the_body_is_wanted(app: Sanic[Any, Any]) -> None:
    """And only then: a client that is refused has not sent it in vain."""
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    async with serving(app) as served:
        async with served.connect() as client:
            await client.send(head % b"/body")
            assert b"HTTP/1.1 100 Continue\r\n\r\n" == await client.until(b"\r\n\r\n")
            await client.send(b"hello")
            assert (200, b"5 hello") == (await client.answer())[::2]
        async with served.connect() as client:
            await client.send(head % b"/nowhere")
            answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nConnection: close\r\n" in answer


async def test_a_body_that_nobody_read_is_dropped(app: Sanic[Any, Any]) -> None:
    """What follows is the next request."""
    request = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    async with serving(app) as served, served.connect() as client:
        await client.send(request)
        assert 404 == (await client.answer())[0]
        await client.send(b"a" * 100_000 + get("/now?n=3"))
        assert b"now 3" == (await client.answer())[2]


async def test_options_of_everything(app: Sanic[Any, Any]) -> None:
    """OPTIONS * asks the server as such (RFC 9110, section 9.3.7)."""
    async with serving(app) as served, served.connect() as client:
        await client.send(get("*", method="OPTIONS"))
        status, fields, _ = await client.answer()
    assert 204 == status
    assert "GET" in fields["allow"]


async def test_the_last_answers_say_that_the_server_stops(app: Sanic[Any, Any]) -> None:
    """Idle connections are closed, others after their answer."""
    async with serving(app) as served, served.connect() as idle, served.connect() as busy:
        await idle.send(get("/now"))
        await idle.answer()
        await busy.send(get("/later/50"))
        await asyncio.sleep(0.02)
        served.signal.stopped = True
        for connection in tuple(served.connections):
            connection.close_if_idle()
        assert b"" == await idle.rest()
        assert "close" == (await busy.answer())[1]["connection"]
        assert b"" == await busy.rest()


async def test_a_lost_client_cancels_its_handler() -> None:
    """Its work is for nobody."""
    app, begun, cancelled = new_app(), asyncio.Event(), asyncio.Event()

    @app.get("/")
    async def wait(request: Request) -> HTTPResponse:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return empty()

    async with serving(app) as served:
        async with served.connect() as client:
            await client.send(get("/"))
            await begun.wait()
        async with asyncio.timeout(2):
            await cancelled.wait()


async def test_a_client_that_does_not_read_is_cut() -> None:
    """What waits for it is bounded, and so is the time."""
    app, sent, ended = new_app(), 0, asyncio.Event()

    @app.get("/")
    async def flood(request: Request) -> None:
        nonlocal sent
        response = await request.respond()
        try:
            while True:
                await response.send(b"a" * 65_536)
                sent += 65_536
        finally:
            ended.set()

    async with serving(app, Budgets(write_stall_s=0.3)) as served, served.connect() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(get("/"))
        async with asyncio.timeout(5):
            await ended.wait()
    assert sent < 20_000_000
