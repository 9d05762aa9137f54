"""The app: what a Sanic user knows keeps working, apps do not see each other, and nothing keeps a dead one alive."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sanic import Request, Websocket
from sanic.response import BaseHTTPResponse, text
from sanic.views import HTTPMethodView

from velox import Blueprint, ConfigurationError, Response, Settings, Velox
from velox.testing import TestClient


class Item(BaseModel):
    name: str


shared = Blueprint("shared", url_prefix="/shared")


@shared.get("/<number>")
async def read_shared(number: int, request: Request) -> str:
    return f"{request.app.name} {number}"


@shared.on_response  # type: ignore[untyped-decorator]
async def mark(request: Request, response: BaseHTTPResponse) -> None:
    response.headers["x-marked"] = str(response.headers.get("x-marked", "")) + request.app.name


async def fetch(app: Velox, path: str, method: str = "GET", **options: Any) -> Any:
    async with TestClient(app) as client:
        return await client.request(method, path, **options)


class TestSanic:
    """What Sanic's own documentation shows works here too."""

    async def test_a_plain_handler(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/<name:str>/<number:int>")
        async def hello(request, name, number):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            return text(f"{name} {number + 1}")

        assert (await fetch(app, "/a%20b/1")).text == "a b 2"

    async def test_a_class_based_view(self, make_app: Callable[..., Velox]) -> None:
        class View(HTTPMethodView):
            async def get(self, request: Request, name: str) -> Response:
                return text(f"got {name}")

            async def post(self, request: Request, name: str) -> Response:
                return text(f"posted {name}")

        app = make_app()
        app.add_route(View.as_view(), "/views/<name>")
        assert (await fetch(app, "/views/x")).text == "got x"
        assert (await fetch(app, "/views/x", "POST")).text == "posted x"

    async def test_middleware_signals_and_listeners(self, make_app: Callable[..., Velox]) -> None:
        app, seen = make_app(), []

        @app.middleware("request")
        async def before(request: Request) -> None:
            seen.append("request")

        @app.middleware("response")
        async def after(request: Request, response: BaseHTTPResponse) -> None:
            seen.append("response")

        @app.signal("http.routing.after")
        async def routed(**context: Any) -> None:
            seen.append("signal")

        for name in ("before_server_start", "after_server_start", "before_server_stop", "after_server_stop"):
            app.register_listener(lambda app, name=name: seen.append(name), name)

        @app.get("/")
        async def handler() -> str:
            return "ok"

        assert (await fetch(app, "/")).status_code == 200
        requests = ["signal", "request", "response"]
        starts = ["before_server_start", "after_server_start"]
        assert seen == [*starts, *requests, "before_server_stop", "after_server_stop"]

    async def test_middleware_may_answer(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.on_request
        async def closed(request: Request) -> Response:
            return text("closed", status=503)

        @app.get("/")
        async def handler() -> str:
            return "ok"

        assert (await fetch(app, "/")).status_code == 503

    async def test_an_exception_handler_of_ones_own(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.exception(ZeroDivisionError)
        async def divided(request: Request, error: Exception) -> Response:
            return text("by zero", status=400)

        @app.get("/")
        async def handler() -> float:
            return 1 / 0

        assert (await fetch(app, "/")).text == "by zero"

    async def test_static_files(self, make_app: Callable[..., Velox], tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("hello")
        app = make_app()
        app.static("/files", tmp_path)
        assert (await fetch(app, "/files/a.txt")).text == "hello"
        missing = await fetch(app, "/files/b.txt")
        assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
        assert str(tmp_path) not in missing.text

    async def test_blueprint_groups_and_versions(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        inner = Blueprint("inner", url_prefix="/inner", version=2)

        @inner.get("/<number>")
        async def read(number: int) -> int:
            return number

        app.blueprint(Blueprint.group(inner, url_prefix="/outer"))
        assert (await fetch(app, "/v2/outer/inner/7")).json() == 7
        assert "/v2/outer/inner/{number}" in app.openapi()["paths"]

    def test_websockets_are_left_to_sanic(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.websocket("/feed")
        async def feed(request: Request, ws: Websocket) -> None: ...

        app.finalize()
        assert [route.path for route in app.router.routes if route.path == "feed"] == ["feed"]
        assert "/feed" not in app.openapi()["paths"]

    async def test_head_is_answered_where_get_is(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler() -> Item:
            return Item(name="x")

        answer = await fetch(app, "/", "HEAD")
        assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "12")

    async def test_one_handler_for_several_methods(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.route("/", methods=["GET", "POST"])
        async def handler(request: Request) -> str:
            return request.method

        assert (await fetch(app, "/", "POST")).json() == "POST"
        ids = [operation["operationId"] for operation in app.openapi()["paths"]["/"].values()]
        assert sorted(ids) == ["handler_get", "handler_post"]


class TestSeveralApps:
    async def test_one_blueprint_in_two_apps(self, make_app: Callable[..., Velox]) -> None:
        one, two = make_app("one"), make_app("two")
        one.blueprint(shared)
        two.blueprint(shared)
        for app in (one, two, one):
            answer = await fetch(app, "/shared/7")
            assert (answer.json(), answer.headers["x-marked"]) == (f"{app.name} 7", app.name)

    async def test_apps_of_one_name_do_not_see_each_other(self, make_app: Callable[..., Velox]) -> None:
        one, two = make_app(), make_app(docs=False)

        @one.get("/only-one")
        async def handler() -> str:
            return "one"

        assert (await fetch(one, "/only-one")).status_code == 200
        assert (await fetch(two, "/only-one")).status_code == 404
        assert "/only-one" not in two.openapi()["paths"]
        assert (await fetch(two, "/docs")).status_code == 404

    def test_a_factory_called_often_keeps_nothing(self, make_app: Callable[..., Velox]) -> None:
        """Only the last app of a name is known to Sanic, and the last that took a blueprint to the blueprint."""

        def make() -> Velox:
            app = make_app()
            app.blueprint(shared)

            @app.get("/")
            async def handler(request: Request) -> Item:
                return Item(name=app.name)

            app.compile()
            return app

        apps = [weakref.ref(make()) for _ in range(200)]
        make()
        gc.collect()
        assert [ref for ref in apps if ref() is not None] == []

    async def test_an_app_that_ran_can_go_too(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        app.blueprint(shared)
        await fetch(app, "/shared/1")
        gone = weakref.ref(app)
        del app
        make_app().blueprint(shared)
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        assert gone() is None


class TestMistakes:
    @pytest.mark.parametrize("path", ["/files/<name>.json", "/<name>/<name>", "/<na me>"])
    def test_a_path_that_cannot_be_read(self, make_app: Callable[..., Velox], path: str) -> None:
        app = make_app()

        async def handler(name: str) -> None: ...

        def start() -> None:
            app.get(path)(handler)
            app.finalize()

        with pytest.raises(ConfigurationError, match="VX205") as found:
            start()
        assert "test_application.py:" in found.value.message

    def test_one_path_and_method_twice(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/items/<number>")
        async def one(number: int) -> None: ...

        with pytest.raises(ConfigurationError) as found:

            @app.get("/items/<other>")
            async def two(other: int) -> None: ...

        assert found.value.code == "VX204"
        assert found.value.message.count("test_application.py:") == 2
        assert "GET" in found.value.message

    def test_one_name_twice(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/one", name="same")
        async def one() -> None: ...

        @app.get("/two", name="same")
        async def two() -> None: ...

        with pytest.raises(ConfigurationError, match="VX209") as found:
            app.compile()
        assert found.value.message.count("test_application.py:") == 2

    def test_a_security_scheme_that_nobody_described(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/", security=["token"])
        async def handler() -> None: ...

        with pytest.raises(ConfigurationError, match=r"VX210 .*test_application.py:\d+"):
            app.compile()

    def test_a_name_that_is_none(self) -> None:
        with pytest.raises(ConfigurationError, match="VX104"):
            Velox("not a name!", Settings(env="test", database_url="sqlite://"))


def test_plans_are_in_the_order_of_the_source(make_app: Callable[..., Velox]) -> None:
    app = make_app(docs=False)
    for path in ("/z", "/a", "/m"):

        @app.get(path, name=f"at{path[1]}")
        async def handler() -> None: ...

    shown = [plan for plan in app.plans if not plan.hidden]
    assert [plan.path for plan in shown] == ["/z", "/a", "/m"]
    assert [plan.name for plan in shown] == ["atz", "ata", "atm"]


async def test_routes_do_not_warn_or_log(make_app: Callable[..., Velox], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    app = make_app()
    app.blueprint(shared)
    await fetch(app, "/shared/1")
    assert caplog.records == []


def test_two_blueprints_of_one_name_are_both_placed(make_app: Callable[..., Velox]) -> None:
    """VX209; in a list of them too."""
    app = make_app()
    app.blueprint(Blueprint("twice"))
    with pytest.raises(
        ConfigurationError, match=r"VX209 .*test_application.py:\d+: .*'twice'.*test_application.py:\d+"
    ):
        app.blueprint([Blueprint("twice")])
