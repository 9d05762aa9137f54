"""The in-process client on a Velox app, and what it shows of the app's lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from velox import EventStream, Request, Response, Settings, Velox
from velox.testing import TestClient
from velox.testing.answer import Answer


@pytest.fixture
def started() -> list[str]:
    """What the app's lifespan did, in order."""
    return []


@pytest.fixture
def small_app(started: list[str]) -> Velox:
    app = Velox("small", settings=Settings(env="test", database_url="sqlite://"))
    app.on_start(lambda _: started.append("start"))
    app.on_stop(lambda _: started.append("stop"))

    @app.get("/hello/<name>")
    async def hello(name: str) -> dict[str, str]:
        return {"hello": name}

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("inside")

    @app.post("/login")
    async def login() -> Response:
        response = Response(status=204)
        response.add_cookie("user", "ada", secure=False)
        return response

    @app.get("/me")
    async def me(request: Request) -> str:
        return request.cookies.get("user") or "nobody"

    @app.get("/ticks")
    async def ticks() -> EventStream[int]:
        number = 0
        while True:
            yield number
            number += 1

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(request.body)

    return app


async def test_entering_starts_the_app_and_leaving_stops_it(small_app: Velox, started: list[str]) -> None:
    async with TestClient(small_app) as client:
        assert started == ["start"]
        assert (await client.get("/hello/ada")).json() == {"hello": "ada"}
    assert started == ["start", "stop"]


async def test_several_clients_share_one_start(small_app: Velox, started: list[str]) -> None:
    """Two users of one app: it starts with the first and stops with the last."""
    async with TestClient(small_app) as ada:
        async with TestClient(small_app, headers={"X-User": "bob"}) as bob:
            assert (await bob.get("/hello/bob")).status_code == 200
        assert started == ["start"]
        assert (await ada.get("/hello/ada")).status_code == 200
    assert started == ["start", "stop"]


async def test_a_lifespan_that_somebody_else_started_is_left_alone(small_app: Velox, started: list[str]) -> None:
    async with small_app.lifespan():
        async with TestClient(small_app) as client:
            assert (await client.get("/hello/ada")).status_code == 200
        assert started == ["start"]
    assert started == ["start", "stop"]


async def test_an_app_can_be_started_again(small_app: Velox, started: list[str]) -> None:
    for _ in range(2):
        async with TestClient(small_app) as client:
            assert (await client.get("/hello/ada")).status_code == 200
    assert started == ["start", "stop"] * 2


async def test_a_crashing_handler_is_a_500_problem(small_app: Velox) -> None:
    """As in production: the client sees the problem, not the exception."""
    async with TestClient(small_app) as client:
        answer = await client.get("/crash")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "inside" not in answer.text


async def test_an_answer_says_in_a_failed_assert_why_it_is_a_problem(small_app: Velox) -> None:
    """pytest shows the ``repr``: a crash with what was raised, a refusal with its detail and each wrong value."""
    async with TestClient(small_app) as client:
        crash = await client.get("/crash")
        missing = await client.get("/nowhere")
        fine = await client.get("/hello/ada")
        async with client.stream("GET", "/nowhere") as unread:
            assert repr(unread) == "<Response [404 Not Found]>"
    raised = crash.extensions["exception"]
    assert f"<Response [500 Internal Server Error] {type(raised).__name__}: {raised}>" == repr(crash)
    assert repr(missing) == "<Response [404 Not Found] Nothing answers /nowhere.>"
    assert repr(fine) == "<Response [200 OK]>"
    assert "exception" not in fine.extensions


async def test_an_answer_tells_each_wrong_value() -> None:
    document = {
        "detail": "one value is wrong",
        "errors": [{"parameter": "query.limit", "message": "too big", "code": "x"}, {"pointer": "/a", "message": "b"}],
    }
    headers = {"content-type": "application/problem+json"}
    answer = Answer(422, headers=headers, json=document)
    assert repr(answer) == "<Response [422 Unprocessable Entity] one value is wrong; query.limit: too big; /a: b>"
    assert repr(Answer(422, headers=headers, text="no JSON")) == "<Response [422 Unprocessable Entity]>"


async def test_cookies_persist_from_request_to_request(small_app: Velox) -> None:
    async with TestClient(small_app) as client:
        assert (await client.get("/me")).json() == "nobody"
        await client.post("/login")
        assert (await client.get("/me")).json() == "ada"


async def test_an_endless_event_stream_can_be_read_and_left(small_app: Velox) -> None:
    async with TestClient(small_app) as client, client.stream("GET", "/ticks") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert [await anext(lines) for _ in range(3)] == ["data: 0", "", "data: 1"]


async def test_a_streamed_upload_arrives_whole(small_app: Velox) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000

    async with TestClient(small_app) as client:
        assert (await client.post("/length", content=body())).json() == 3000


async def test_an_unknown_path_is_a_404_problem(small_app: Velox) -> None:
    async with TestClient(small_app) as client:
        answer = await client.get("/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
