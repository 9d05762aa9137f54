"""Whoever raises it, and whatever it is: the answer is one problem document, and the inside stays inside."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, field_validator
from sanic.exceptions import Forbidden as SanicForbidden
from sanic.exceptions import SanicException, ServerError, ServiceUnavailable, Unauthorized

from velox import NotFound, Problem, Velox
from velox.errors import TooManyRequests
from velox.testing import TestClient

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Picky(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def refuse(cls, name: str) -> str:
        raise ValueError("not that one")


async def failing(app: Velox, error: Any, **headers: str) -> Any:
    """The answer of a handler that raises ``error``."""

    @app.get("/fail")
    async def fail() -> None:
        raise error

    async with TestClient(app) as client:
        return await client.get("/fail", headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_every_member_is_there(make_app: Callable[..., Velox]) -> None:
    answer = await failing(make_app(), NotFound("no such thing", headers={"X-Hint": "look"}, extensions={"near": 7}))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-hint"] == "look"
    document = answer.json()
    assert document.pop("request_id") == answer.headers["x-request-id"]
    assert document == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no such thing",
        "instance": "/fail",
        "near": 7,
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SanicForbidden("not you"), 403),
        (Unauthorized("who?", scheme="Bearer", realm="shop"), 401),
        (ServiceUnavailable("later"), 503),
        (ServerError("secret-host is down"), 500),
        (SanicException("a teapot", status_code=418), 418),
        (SanicException("odd", status_code=599), 599),
        (TooManyRequests("slow down", headers={"Retry-After": "3"}), 429),
        (RuntimeError("secret-host is down"), 500),
        (KeyError("secret-host"), 500),
    ],
    ids=repr,
)
async def test_any_error_becomes_a_problem(make_app: Callable[..., Velox], error: Exception, status: int) -> None:
    answer = await failing(make_app(), error)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret-host" not in answer.text
    assert type(error).__name__ not in answer.text or status < 500


async def test_what_sanic_says_of_authentication_is_kept(make_app: Callable[..., Velox]) -> None:
    answer = await failing(make_app(), Unauthorized("who?", scheme="Bearer", realm="shop"))
    assert answer.headers["www-authenticate"] == 'Bearer realm="shop"'


class TestDevelopment:
    async def test_only_there_the_answer_says_what_happened(self, make_app: Callable[..., Velox]) -> None:
        answer = await failing(make_app(env="dev", create_tables=False), RuntimeError("secret-host is down"))
        assert answer.json()["detail"] == "RuntimeError: secret-host is down"

    async def test_a_browser_gets_a_page(self, make_app: Callable[..., Velox]) -> None:
        app = make_app(env="dev", create_tables=False)
        answer = await failing(app, RuntimeError("<b>down</b>"), accept=BROWSER)
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<b>down</b>" not in answer.text
        assert answer.headers["x-request-id"] in answer.text

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json", ""])
    async def test_everybody_else_does_not(self, make_app: Callable[..., Velox], accept: str) -> None:
        answer = await failing(make_app(env="dev", create_tables=False), RuntimeError("x"), accept=accept)
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize("env", ["test", "prod"])
    async def test_nor_anybody_elsewhere(self, make_app: Callable[..., Velox], env: str) -> None:
        answer = await failing(make_app(env=env), RuntimeError("x"), accept=BROWSER)
        assert answer.headers["content-type"] == "application/problem+json"


class TestRequestId:
    @pytest.mark.parametrize("given", ["abc-123", "6f1c6a1e-5b4e-4b1c-9d0a-0a0b0c0d0e0f", "007", "a" * 128])
    async def test_the_clients_is_echoed(self, make_app: Callable[..., Velox], given: str) -> None:
        answer = await failing(make_app(), NotFound(), x_request_id=given)
        assert answer.json()["request_id"] == answer.headers["x-request-id"] == given

    @pytest.mark.parametrize("given", ["a" * 129, "two words", "<script>", "a\tb"])
    async def test_one_that_is_unfit_for_logs_is_replaced(self, make_app: Callable[..., Velox], given: str) -> None:
        answer = await failing(make_app(), NotFound(), x_request_id=given)
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert given not in answer.text
        assert len(answer.headers["x-request-id"]) == 36

    async def test_without_one_each_request_has_its_own(self, make_app: Callable[..., Velox]) -> None:
        async with TestClient(make_app()) as client:
            ids = {(await client.get("/nowhere")).json()["request_id"] for _ in range(3)}
        assert len(ids) == 3


class TestRouting:
    async def test_nothing_there(self, make_app: Callable[..., Velox]) -> None:
        async with TestClient(make_app()) as client:
            answer = await client.get("/nowhere?secret=1")
        assert (answer.status_code, answer.json()["instance"]) == (404, "/nowhere")

    @pytest.mark.parametrize("path", ["/things", "/things/7"])
    async def test_another_method(self, make_app: Callable[..., Velox], path: str) -> None:
        app = make_app()

        @app.get("/things")
        async def read() -> None: ...

        @app.put("/things")
        async def write() -> None: ...

        @app.get("/things/<number>")
        async def read_one(number: int) -> None: ...

        async with TestClient(app) as client:
            answer = await client.delete(path)
        assert answer.status_code == 405
        allowed = {"GET", "HEAD", "PUT"} if path == "/things" else {"GET", "HEAD"}
        assert set(answer.headers["allow"].split(", ")) == allowed

    async def test_a_method_that_nobody_knows(self, make_app: Callable[..., Velox]) -> None:
        async with TestClient(make_app()) as client:
            answer = await client.request("BREW", "/health/live")
        assert answer.status_code == 405


class TestLog:
    async def records(self, app: Velox, error: Exception, caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
        with caplog.at_level(logging.INFO):
            await failing(app, error, x_request_id="r-1")
        return [record for record in caplog.records if record.name in {"velox.error", "sanic.error"}]

    async def test_the_unexpected_is_logged_once_with_all_there_is(
        self, make_app: Callable[..., Velox], caplog: pytest.LogCaptureFixture
    ) -> None:
        (record,) = await self.records(make_app(), RuntimeError("down"), caplog)
        assert record.getMessage() == "GET /fail failed [request r-1]"
        assert record.levelno == logging.ERROR
        assert record.exc_info

    async def test_a_problem_of_the_client_is_not(
        self, make_app: Callable[..., Velox], caplog: pytest.LogCaptureFixture
    ) -> None:
        assert await self.records(make_app(), NotFound("x"), caplog) == []

    async def test_one_of_ours_that_was_meant_needs_no_traceback(
        self, make_app: Callable[..., Velox], caplog: pytest.LogCaptureFixture
    ) -> None:
        class Busy(Problem):
            status = 503

        (record,) = await self.records(make_app(), Busy("later"), caplog)
        assert (record.levelno, record.exc_info) == (logging.INFO, None)
        assert "503" in record.getMessage()


async def test_a_validators_own_words_reach_the_client(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/")
    async def create(body: Picky) -> None: ...

    async with TestClient(app) as client:
        answer = await client.post("/", json={"name": "x"})
    assert answer.json()["errors"] == [
        {"pointer": "/name", "message": "Value error, not that one", "code": "value_error"}
    ]
