"""Cached routes over HTTP: fresh, private where it has to be, and as HTTP wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from sanic import Request
from sanic.response import text

from velox import (
    Blueprint,
    ConfigurationError,
    Cookie,
    Header,
    JsonLines,
    NotFound,
    Provide,
    Query,
    Response,
    Settings,
    Velox,
)
from velox.cache import Cache, CachePolicy
from velox.routing.identity import by_caller
from velox.testing import TestClient

Make = Callable[..., Velox]


class Filter(BaseModel):
    color: str = "any"


@dataclass(frozen=True)
class User:
    key: str


@by_caller
async def current_user(request: Request) -> User | None:
    return await identify(request)


async def identify(request: Request) -> User | None:
    name = request.headers.get("x-user")
    return User(name) if name else None


def app_with(make_app: Make, handler: Any, cache: Any, path: str = "/", **settings: Any) -> Velox:
    app = make_app(**settings)
    app.identify = identify
    app.get(path, cache=cache)(handler)
    return app


def counting() -> Any:
    numbers = count(1)

    async def handler() -> int:
        return next(numbers)

    return handler


class TestFresh:
    async def test_an_answer_is_used_again(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, counting(), "30s")) as client:
            answers = [await client.get("/") for _ in range(3)]
            assert [answer.json() for answer in answers] == [1, 1, 1]
            assert [answer.headers["cache-status"].split(";")[1].strip() for answer in answers] == [
                "fwd=miss",
                "hit",
                "hit",
            ]
            assert answers[0].headers["content-type"] == answers[1].headers["content-type"] == "application/json"
            assert 26 <= int(answers[1].headers["cache-control"].removeprefix("public, max-age=")) <= 30

    async def test_a_hundred_cold_requests_are_one_call(self, make_app: Make) -> None:
        calls = []

        async def slow() -> int:
            calls.append(1)
            await asyncio.sleep(0.02)
            return len(calls)

        async with TestClient(app_with(make_app, slow, "30s")) as client:
            answers = await asyncio.gather(*(client.get("/") for _ in range(100)))
        assert [answer.json() for answer in answers] == [1] * 100

    async def test_errors_and_other_statuses_are_not_kept(self, make_app: Make) -> None:
        numbers = count(1)

        async def failing() -> Response:
            number = next(numbers)
            if number == 1:
                raise ValueError("a bug")
            return text(str(number), status=202 if number == 2 else 200)

        async with TestClient(app_with(make_app, failing, "30s")) as client:
            assert [(await client.get("/")).status_code for _ in range(4)] == [500, 202, 200, 200]
            assert (await client.get("/")).text == "3"

    @pytest.mark.parametrize(
        "headers", [{"Set-Cookie": "a=b"}, {"Cache-Control": "no-store"}, {"Cache-Control": "Private"}]
    )
    async def test_what_the_handler_wants_to_be_private_is(self, make_app: Make, headers: dict[str, str]) -> None:
        numbers = count(1)

        async def own() -> Response:
            return text(str(next(numbers)), headers=headers)

        async with TestClient(app_with(make_app, own, "30s")) as client:
            assert [(await client.get("/")).text for _ in range(2)] == ["1", "2"]

    async def test_a_cookie_that_is_set_by_the_response_is_never_given_to_another(self, make_app: Make) -> None:
        async def own() -> Response:
            response = text("x")
            response.add_cookie("session", "secret")
            return response

        async with TestClient(app_with(make_app, own, "30s")) as client:
            assert "set-cookie" in (await client.get("/")).headers
            assert "cache-status" not in (await client.get("/")).headers

    async def test_a_stale_answer_stands_in_for_one_that_fails(self, make_app: Make) -> None:
        numbers = count(1)

        async def failing() -> int:
            if (number := next(numbers)) > 1:
                raise ValueError("down")
            return number

        async with TestClient(app_with(make_app, failing, CachePolicy("20ms", stale="1m"))) as client:
            await client.get("/")
            await asyncio.sleep(0.03)
            answer = await client.get("/")
            assert (answer.status_code, answer.json()) == (200, 1)
            assert "stale" in answer.headers["cache-status"]

    async def test_not_found_is_kept_as_long_as_it_is_said(self, make_app: Make) -> None:
        calls = []

        async def missing() -> None:
            calls.append(1)
            raise NotFound("no such link")

        async with TestClient(app_with(make_app, missing, CachePolicy("30s", negative="10s"))) as client:
            answers = [await client.get("/") for _ in range(3)]
        assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {(404, "no such link")}
        assert calls == [1]


class TestKey:
    async def test_it_covers_the_path_and_the_query_that_is_read_and_nothing_else(self, make_app: Make) -> None:
        numbers = count(1)

        async def read(name: str, page: int = 1) -> int:
            return next(numbers)

        async with TestClient(app_with(make_app, read, "30s", "/<name>")) as client:
            paths = ["/a", "/b", "/a?page=2", "/a?page=2&utm=x", "/a?utm=y", "/%61", "/a?p%61ge=2", "/a?page=3"]
            assert [(await client.get(path)).json() for path in paths] == [1, 2, 3, 3, 1, 1, 4, 5]

    async def test_it_covers_a_model_of_the_query(self, make_app: Make) -> None:
        async def read(filter: Annotated[Filter, Query()]) -> str:
            return filter.color

        async with TestClient(app_with(make_app, read, "30s")) as client:
            colors = ["?color=red", "?color=blue", ""]
            assert [(await client.get(f"/{color}")).json() for color in colors] == ["red", "blue", "any"]

    async def test_a_header_that_is_read_is_in_the_key_and_in_vary(self, make_app: Make) -> None:
        async def read(accept_language: Annotated[str, Header()] = "en") -> str:
            return accept_language

        async with TestClient(app_with(make_app, read, "30s")) as client:
            answers = [await client.get("/", headers={"accept-language": name}) for name in ("de", "fr", "de")]
        assert [answer.json() for answer in answers] == ["de", "fr", "de"]
        assert answers[0].headers["vary"] == "accept-language"

    async def test_a_cookie_that_is_read_makes_it_private(self, make_app: Make) -> None:
        async def read(theme: Annotated[str, Cookie()] = "light") -> str:
            return theme

        async with TestClient(app_with(make_app, read, "30s")) as client:
            answers = [await client.get("/", headers={"cookie": f"theme={name}"}) for name in ("dark", "red")]
        assert [answer.json() for answer in answers] == ["dark", "red"]
        assert answers[0].headers["cache-control"].startswith("private")

    async def test_names_in_values_do_not_run_into_each_other(self, make_app: Make) -> None:
        async def read(a: str, b: str, c: str = "") -> str:
            return f"{a}/{b}/{c}"

        async with TestClient(app_with(make_app, read, "30s", "/<a>/<b>")) as client:
            paths = ["/x'%2C%20'b'%3A%20'y/z", "/x/y?c=1", "/x/y%3Fc=1", "/x/y?c=1%26c=2"]
            answers = [(await client.get(path)).json() for path in paths]
        assert len(set(answers)) == 4


class TestPrivate:
    async def test_who_reads_the_user_has_answers_of_their_own(self, make_app: Make) -> None:
        calls = []

        async def me(user: Annotated[User | None, Provide(current_user)]) -> str:
            calls.append(1)
            return user.key if user else "nobody"

        async with TestClient(app_with(make_app, me, "30s")) as client:
            names = ["a", "b", "", "a", "b", "", "nobody"]
            answers = [await client.get("/", headers={"x-user": name}) for name in names]
        assert [answer.json() for answer in answers] == ["a", "b", "nobody", "a", "b", "nobody", "nobody"]
        assert len(calls) == 4
        assert {answer.headers["cache-control"].split(",")[0] for answer in answers} == {"private"}
        assert answers[0].headers["vary"] == "Cookie, Authorization"

    async def test_unless_it_is_said_that_it_is_for_everybody(self, make_app: Make) -> None:
        async def same(user: Annotated[User | None, Provide(current_user)]) -> str:
            return user.key if user else "nobody"

        async with TestClient(app_with(make_app, same, CachePolicy("30s", public=True))) as client:
            assert [(await client.get("/", headers={"x-user": name})).json() for name in "ab"] == ["a", "a"]

    async def test_a_rule_about_the_object_is_asked_for_each_caller(self, make_app: Make) -> None:
        app = make_app()
        app.identify = identify

        def owns(name: str, user: Annotated[User | None, Provide(current_user)]) -> bool:
            return user is not None and user.key == name

        @app.get("/<name>", cache="30s", guard=owns)
        async def read(name: str) -> str:
            return f"secret of {name}"

        async with TestClient(app) as client:
            statuses = [(await client.get("/a", headers={"x-user": name})).status_code for name in ("a", "b", "a", "")]
        assert statuses == [200, 403, 200, 403]

    def test_what_a_rule_allowed_one_caller_cannot_be_for_everybody(self, make_app: Make) -> None:
        app = make_app()

        @app.get("/<name>", cache=CachePolicy("30s", public=True), guard=lambda name: name == "a")
        async def read(name: str) -> str:
            return name

        with pytest.raises(ConfigurationError, match=r"VX211.*guards the route"):
            app.compile()

    @pytest.mark.parametrize("vary", [None, [], ["x-tenant"]])
    async def test_a_handler_that_takes_the_whole_request_has_to_say_what_it_reads(
        self, make_app: Make, vary: list[str] | None
    ) -> None:
        async def whole(request: Request) -> str:
            return request.headers.get("x-tenant", "")

        app = app_with(make_app, whole, CachePolicy("30s", vary=vary))
        if vary is None:
            with pytest.raises(ConfigurationError, match=r"VX211.*whole request"):
                app.compile()
            return
        async with TestClient(app) as client:
            found = [(await client.get("/", headers={"x-tenant": name})).json() for name in "ab"]
        assert found == (["a", "b"] if vary else ["a", "a"])


class TestConditions:
    async def test_a_client_that_has_it_is_told_so(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, counting(), "30s")) as client:
            first = await client.get("/")
            etag = first.headers["etag"]
            assert etag.startswith('"')
            for condition in (etag, f'"other", W/{etag}', "*"):
                answer = await client.get("/", headers={"if-none-match": condition})
                assert (answer.status_code, answer.content) == (304, b"")
                assert answer.headers["etag"] == etag
                assert "cache-control" in answer.headers
                assert "content-type" not in answer.headers
            assert (await client.get("/", headers={"if-none-match": '"other"'})).status_code == 200

    async def test_the_validator_changes_with_the_body(self, make_app: Make) -> None:
        async def read(number: int) -> int:
            return number // 2

        async with TestClient(app_with(make_app, read, "30s")) as client:
            tags = [(await client.get(f"/?number={number}")).headers["etag"] for number in (0, 1, 2)]
        assert tags[0] == tags[1] != tags[2]

    async def test_head_has_the_fields_of_get(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, counting(), "30s")) as client:
            head, get = await client.head("/"), await client.get("/")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == get.headers["etag"]
        assert get.json() == 1

    async def test_its_age_is_told(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, counting(), "30s")) as client:
            assert "age" not in (await client.get("/")).headers
            await asyncio.sleep(1.01)
            assert (await client.get("/")).headers["age"] == "1"

    async def test_the_handlers_own_fields_come_first(self, make_app: Make) -> None:
        async def own() -> Response:
            return text("x", headers={"ETag": '"mine"', "Cache-Control": "max-age=5", "X-Own": "1"})

        async with TestClient(app_with(make_app, own, "30s")) as client:
            await client.get("/")
            answer = await client.get("/")
        assert (answer.headers["etag"], answer.headers["cache-control"], answer.headers["x-own"]) == (
            '"mine"',
            "max-age=5",
            "1",
        )

    async def test_the_status_field_is_left_out_in_production(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, counting(), "30s", env="prod")) as client:
            assert "cache-status" not in (await client.get("/")).headers


class TestInvalidation:
    async def test_a_write_makes_what_it_changed_out_of_date(self, make_app: Make) -> None:
        app, rows = make_app(), {"a": 1, "b": 1}

        @app.get("/<name>", cache=CachePolicy("30s", tags=["row:{name}"]))
        async def read(name: str) -> int:
            return rows[name]

        @app.put("/<name>")
        async def write(name: str, cache: Cache) -> None:
            rows[name] += 1
            await cache.invalidate(f"row:{name}")

        async with TestClient(app) as client:
            assert [(await client.get(f"/{name}")).json() for name in "ab"] == [1, 1]
            await client.put("/a")
            rows["b"] = 5
            assert [(await client.get(f"/{name}")).json() for name in "ab"] == [2, 1]
            assert (await client.get("/a")).headers["cache-control"] == "public, no-cache"

    async def test_what_was_read_before_the_commit_is_out_of_date_after_it(self, make_app: Make) -> None:
        """Somebody reads the old row after the invalidation, but before the transaction has committed."""
        app, committed, pending = make_app(), [1], [1]
        invalidated, may_commit = asyncio.Event(), asyncio.Event()

        async def transaction() -> Any:
            yield "session"
            invalidated.set()
            await may_commit.wait()
            committed[0] = pending[0]

        @app.get("/", cache=CachePolicy("30s", tags=["row"]))
        async def read() -> int:
            return committed[0]

        @app.put("/")
        async def write(cache: Cache, session: Annotated[str, Provide(transaction)]) -> None:
            pending[0] = 2
            await cache.invalidate("row")

        async with TestClient(app) as client:
            writing = asyncio.create_task(client.put("/"))
            await invalidated.wait()
            assert (await client.get("/")).json() == 1
            may_commit.set()
            await writing
            assert (await client.get("/")).json() == 2


class TestShared:
    async def test_a_route_has_what_its_blueprint_or_the_app_says(self) -> None:
        """The nearest counts; ``False`` is an answer, too; what cannot be cached is left alone."""
        app = Velox("shared", Settings(env="test", database_url="sqlite://"), cache="1h")
        inner, open_ = Blueprint("inner", url_prefix="/inner", cache="60s"), Blueprint("open", url_prefix="/open")
        never = Blueprint("never", url_prefix="/never", cache=False)
        for blueprint in (inner, open_, never):
            blueprint.get("/")(counting())
            blueprint.post("/", name="posted")(counting())
        inner.get("/own", cache="5s", name="own")(counting())
        inner.get("/none", cache=False, name="none")(counting())

        @open_.get("/stream")
        async def stream() -> JsonLines[int]:
            yield 1

        app.blueprint([inner, open_, never])
        seconds = {}
        async with TestClient(app) as client:
            for path in ("/inner", "/inner/own", "/inner/none", "/open", "/never", "/open/stream", "/health/live"):
                said = (await client.get(path, follow_redirects=True)).headers.get("cache-control", "")
                seconds[path] = said.partition("max-age=")[2]
            assert (await client.post("/inner/")).json() == 1
            assert (await client.post("/inner/")).json() == 2
        assert 50 <= int(seconds.pop("/inner")) <= 60
        assert 3 <= int(seconds.pop("/inner/own")) <= 5
        assert 3000 <= int(seconds.pop("/open")) <= 3600
        assert set(seconds.values()) == {""}

    def test_the_document_knows_the_304(self, make_app: Make) -> None:
        """With the fields that it has."""
        operation = app_with(make_app, counting(), "30s").openapi()["paths"]["/"]["get"]
        assert "content" not in operation["responses"]["304"]
        assert {"ETag", "Cache-Control"} <= operation["responses"]["304"]["headers"].keys()
        plain = app_with(make_app, counting(), None).openapi()["paths"]["/"]["get"]
        assert "304" not in plain["responses"]


class TestMistakes:
    @pytest.mark.parametrize("cache", ["soon", "0s", 5j])
    def test_a_time_that_is_none(self, make_app: Make, cache: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"VX211.*test_route.py:\d+"):
            app_with(make_app, counting(), cache).compile()

    def test_only_get(self, make_app: Make) -> None:
        app = make_app()
        app.route("/", methods=["GET", "POST"], cache="30s")(counting())
        with pytest.raises(ConfigurationError, match="Only GET"):
            app.compile()

    def test_no_stream(self, make_app: Make) -> None:
        async def lines() -> JsonLines[int]:
            yield 1

        with pytest.raises(ConfigurationError, match="stream"):
            app_with(make_app, lines, "30s").compile()

    def test_a_tag_names_parts_of_the_path(self, make_app: Make) -> None:
        with pytest.raises(ConfigurationError, match="names no part of the path"):
            app_with(make_app, counting(), CachePolicy("30s", tags=["link:{slug}"])).compile()

    @pytest.mark.parametrize("wrong", [{"tags": "a"}, {"vary": "a"}, {"stale": "soon"}, {"negative": "-1"}])
    def test_a_policy_that_cannot_be(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"string|not a duration"):
            CachePolicy("30s", **wrong)
