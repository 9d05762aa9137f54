"""Layers: rooms around an endpoint, in order, on all three ways of an answer, and in the documentation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sanic import Request
from sanic.response import BaseHTTPResponse, text

from velox import Blueprint, ConfigurationError, JsonLines, NotFound, Problem, Velox
from velox.routing.layer import Endpoint, Layer, carried, carry
from velox.routing.plan import Plan, ResponseHeader
from velox.testing import TestClient


class Teapot(Problem):
    status = 418
    title = "I'm a teapot"


def noting(name: str, notes: list[str]) -> Callable[[Plan], Layer]:
    """A layer that writes down when it is passed."""

    def wrap(inner: Endpoint) -> Endpoint:
        async def endpoint(request: Request, **path: Any) -> BaseHTTPResponse | None:
            notes.append(f"into {name}")
            answer = await inner(request, **path)
            notes.append(f"out of {name}")
            return answer

        return endpoint

    return lambda plan: Layer(wrap)


def marking(plan: Plan) -> Layer:
    """A layer whose header is on every answer."""

    def wrap(inner: Endpoint) -> Endpoint:
        async def endpoint(request: Request, **path: Any) -> BaseHTTPResponse | None:
            carry(request, {"X-Mark": plan.name})
            answer = await inner(request, **path)
            if answer is not None:
                answer.headers.setdefault("X-Mark", plan.name)
            return answer

        return endpoint

    return Layer(
        wrap,
        problems=(Teapot,),
        headers=(ResponseHeader("X-Mark", "The route's name."),),
        parameters=({"name": "X-Ask", "in": "header", "required": False, "schema": {"type": "string"}},),
    )


def guarding(plan: Plan) -> Layer:
    return dataclasses.replace(marking(plan), security=({"key": ("read",)},))


class TestOrder:
    async def test_the_layer_that_was_added_first_is_the_outermost(self, make_app: Callable[..., Velox]) -> None:
        app, notes = make_app(), list[str]()
        app.add_layer(noting("first", notes))
        app.add_layer(noting("second", notes))

        @app.get("/")
        async def root() -> str:
            notes.append("handler")
            return "done"

        async with TestClient(app) as client:
            assert (await client.get("/")).json() == "done"
        assert notes == ["into first", "into second", "handler", "out of second", "out of first"]

    def test_a_route_without_layers_has_its_endpoint_as_it_was(self, make_app: Callable[..., Velox]) -> None:
        def endpoint_name(app: Velox) -> str:
            app.get("/")(root)
            app.compile()
            (route,) = [route for route in app.router.routes if route.path == ""]
            return str(route.handler.__qualname__)

        async def root() -> str:
            return ""

        plain, asked = make_app(), make_app()
        asked.add_layer(lambda plan: None)
        assert endpoint_name(plain) == endpoint_name(asked)


class TestHeaders:
    async def test_every_kind_of_answer_has_them(self, make_app: Callable[..., Velox]) -> None:
        app = make_app(env="prod")
        app.add_layer(marking)

        @app.get("/good")
        async def good() -> int:
            return 1

        @app.get("/problem")
        async def problem() -> None:
            raise NotFound("gone fishing")

        @app.get("/crash")
        async def crash() -> None:
            raise ValueError("a bug")

        @app.get("/stream")
        async def stream() -> JsonLines[int]:
            yield 1

        async with TestClient(app) as client:
            for name, status in {"good": 200, "problem": 404, "crash": 500, "stream": 200}.items():
                answer = await client.get(f"/{name}")
                assert (answer.status_code, answer.headers.get("x-mark")) == (status, name)

    @pytest.mark.parametrize("is_async", [True, False])
    async def test_a_projects_own_answer_to_an_error_has_them(
        self, make_app: Callable[..., Velox], is_async: bool
    ) -> None:
        app = make_app()
        app.add_layer(marking)

        @app.get("/crash")
        async def crash() -> None:
            raise LookupError

        async def later(request: Request, error: Exception) -> BaseHTTPResponse:
            return text("mine", status=400)

        def now(request: Request, error: Exception) -> BaseHTTPResponse:
            return text("mine", status=400, headers={"X-Mark": "its own"})

        app.exception(LookupError)(later if is_async else now)
        async with TestClient(app) as client:
            answer = await client.get("/crash")
            assert (answer.text, answer.headers["x-mark"]) == ("mine", "crash" if is_async else "its own")

    async def test_a_request_without_layers_carries_none(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def root(request: Request) -> dict[str, str]:
            return dict(carried(request))

        async with TestClient(app) as client:
            assert (await client.get("/")).json() == {}


class TestDocumentation:
    def test_what_a_layer_adds_is_in_the_document(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        app.add_layer(guarding)
        app.add_security_scheme("key", {"type": "apiKey", "in": "header", "name": "X-Key"})

        @app.get("/<number>")
        async def read(number: int) -> int:
            return number

        operation = app.openapi()["paths"]["/{number}"]["get"]
        assert operation["security"] == [{"key": ["read"]}]
        assert [parameter["name"] for parameter in operation["parameters"]] == ["number", "X-Ask"]
        assert set(operation["responses"]) == {"200", "418", "422", "default"}
        assert all("X-Mark" in response["headers"] for response in operation["responses"].values())

    def test_redirects_are_left_out_unless_they_are_named(self) -> None:
        assert not ResponseHeader("X", "").is_on("302")
        assert ResponseHeader("X", "").is_on("default")
        assert ResponseHeader("X", "", statuses=("304",)).is_on("304")
        assert not ResponseHeader("X", "", statuses=("304",)).is_on("200")

    def test_a_layer_may_not_ask_for_a_scheme_that_nobody_described(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        app.add_layer(guarding)
        app.get("/")(handler)
        with pytest.raises(ConfigurationError, match="VX210"):
            app.compile()


class TestSharedOptions:
    def test_a_plan_knows_whose_route_it_is(self, make_app: Callable[..., Velox]) -> None:
        app, links = make_app(), Blueprint("links", url_prefix="/links")
        app.get("/", name="root")(handler)
        links.get("/", name="list")(handler)
        app.blueprint(links)
        scopes = {plan.path: [shared.scope for shared in plan.shared] for plan in app.plans if not plan.hidden}
        assert scopes == {"/": ["app"], "/links/": ["app", "blueprint links"]}


async def handler() -> None:
    """Nothing."""
