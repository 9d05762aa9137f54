"""Limits over HTTP: who is counted, what the client is told, and that it is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import http_sf
import httpx
import pytest
from sanic import Request
from sanic.response import BaseHTTPResponse, redirect

from velox import Blueprint, ConfigurationError, JsonLines, NotFound, Unauthorized, Velox
from velox.limits import Caller, LimitOption, Policy
from velox.testing import TestClient

Make = Callable[..., Velox]


def app_with(make_app: Make, limit: LimitOption, **settings: Any) -> Velox:
    app = make_app(**settings)

    @app.get("/", limit=limit)
    async def root() -> int:
        return 1

    return app


async def statuses(client: TestClient, count: int, path: str = "/", **headers: str) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for _ in range(count)]


def told(answer: httpx.Response) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """``RateLimit-Policy`` and ``RateLimit`` as another's RFC 9651 parser reads them."""
    fields = []
    for name in ("ratelimit-policy", "ratelimit"):
        parsed: Any = http_sf.parse(answer.headers[name].encode(), tltype="list")
        fields.append({str(item): dict(parameters) for item, parameters in parsed})
    return fields[0], fields[1]


class TestAnswers:
    async def test_a_refusal_is_a_problem_that_says_which_limit_and_when(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, ["2/minute", "100/hour"])) as client:
            assert await statuses(client, 2) == [200, 200]
            answer = await client.get("/")
        assert answer.status_code == 429
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
        assert problem["violated-policies"] == ["root-minute"]
        assert 25 <= int(answer.headers["retry-after"]) <= 30
        policies, current = told(answer)
        assert policies == {"root-minute": {"q": 2, "w": 60}, "root-hour": {"q": 100, "w": 3600}}
        assert current["root-minute"] == {"r": 0, "t": int(answer.headers["retry-after"])}
        assert current["root-hour"]["r"] == 98

    async def test_the_fields_of_every_answer_are_what_was_decided(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, "10/minute")) as client:
            for number in range(15):
                answer = await client.get("/")
                _, current = told(answer)
                assert current["root"]["r"] == max(0, 9 - number)
                assert (answer.status_code == 429) == (number >= 10)
                assert ("retry-after" in answer.headers) == (number >= 10)

    async def test_problems_streams_and_crashes_have_them_and_redirects_do_not(self, make_app: Make) -> None:
        app = make_app(env="prod")
        limit = "100/minute"

        @app.get("/problem", limit=limit)
        async def problem() -> None:
            raise NotFound("nothing")

        @app.get("/crash", limit=limit)
        async def crash() -> None:
            raise ValueError("a bug")

        @app.get("/invalid", limit=limit)
        async def invalid(number: int) -> None:
            return None

        @app.get("/stream", limit=limit)
        async def stream() -> JsonLines[int]:
            yield 1

        @app.get("/nothing", limit=limit)
        async def nothing() -> None:
            return None

        @app.get("/away", limit=limit)
        async def away(request: Request) -> BaseHTTPResponse:
            return redirect("/")

        async with TestClient(app) as client:
            for name, status in {"problem": 404, "crash": 500, "invalid": 422, "stream": 200, "nothing": 204}.items():
                answer = await client.get(f"/{name}")
                assert (answer.status_code, told(answer)[1][name]["r"]) == (status, 99)
            answer = await client.get("/away")
            assert answer.status_code == 302
            assert "ratelimit" not in answer.headers

    async def test_the_document_says_so(self, make_app: Make) -> None:
        app = app_with(make_app, Policy("1/s", on_store_failure="deny"))
        responses = app.openapi()["paths"]["/"]["get"]["responses"]
        assert {"200", "429", "503", "default"} == set(responses)
        assert set(responses["429"]["headers"]) == {"RateLimit-Policy", "RateLimit", "Retry-After"}
        assert set(responses["200"]["headers"]) == {"RateLimit-Policy", "RateLimit"}

    async def test_a_body_that_would_be_refused_is_not_read_first(self, make_app: Make) -> None:
        app, seen = make_app(), list[int]()

        @app.post("/", limit="1/minute")
        async def write(body: dict[str, int]) -> None:
            seen.append(1)

        async with TestClient(app) as client:
            assert (await client.post("/", json={"a": 1})).status_code == 204
            assert (await client.post("/", json={"a": 1})).status_code == 429
        assert seen == [1]


class TestScopes:
    async def test_the_limits_of_app_and_blueprint_count_their_routes_together(self, make_app: Make) -> None:
        from velox import Settings

        settings = Settings(env="test", database_url="sqlite://")
        app = Velox("scoped", settings, limit="5/minute")
        links = Blueprint("links", url_prefix="/links", limit="3/minute")
        for path in ("/a", "/b"):
            links.get(path, name=path[1:])(answer_one)
        links.get("/free", name="free", limit=False)(answer_one)
        app.get("/own", limit="1/minute")(answer_one)
        app.blueprint(links)
        async with TestClient(app) as client:
            assert await statuses(client, 2, "/links/a") == [200, 200]
            assert await statuses(client, 2, "/links/b") == [200, 429]
            answer = await client.get("/own")
            assert answer.status_code == 200
            assert told(answer)[1].keys() == {"app", "answer_one"}
            assert (await client.get("/own")).json()["violated-policies"] == ["answer_one"]
            assert await statuses(client, 9, "/links/free") == [200] * 9
            assert await statuses(client, 9, "/health/ready") == [200] * 9

    async def test_routes_with_one_named_policy_count_together(self, make_app: Make) -> None:
        app, search = make_app(), Policy("3/minute", name="search")
        app.get("/a", name="a", limit=search)(answer_one)
        app.get("/b", name="b", limit=search)(answer_one)
        async with TestClient(app) as client:
            assert await statuses(client, 2, "/a") + await statuses(client, 2, "/b") == [200, 200, 200, 429]

    async def test_other_methods_and_paths_have_their_own(self, make_app: Make) -> None:
        app = make_app()
        app.get("/a", name="a", limit="1/minute")(answer_one)
        app.post("/a", name="b", limit="1/minute")(answer_one)
        async with TestClient(app) as client:
            assert await statuses(client, 2, "/a") == [200, 429]
            assert (await client.post("/a")).status_code == 200

    @pytest.mark.parametrize("wrong", ["often", ["1/s", "now"], 5, [5]])
    def test_a_limit_that_cannot_be_read_is_found_at_the_start(self, make_app: Make, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"VX211.*test_gate.py:\d+"):
            app_with(make_app, wrong).compile()


class TestWho:
    async def test_an_address_that_nobody_vouches_for_never_changes_who_is_counted(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, "3/minute")) as client:
            found = [
                (await client.get("/", headers={"x-forwarded-for": f"192.0.2.{number}"})).status_code
                for number in range(5)
            ]
        assert found == [200] * 3 + [429] * 2

    async def test_behind_a_trusted_proxy_each_client_is_counted(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, "1/minute", trusted_proxies=1)) as client:
            for number in range(5):
                assert await statuses(client, 2, **{"x-forwarded-for": f"192.0.2.{number}"}) == [200, 429]
            neighbours = [
                (await client.get("/", headers={"x-forwarded-for": f"2001:db8::{number}"})).status_code
                for number in range(1, 4)
            ]
        assert neighbours == [200, 429, 429]

    async def test_whoever_is_known_is_counted_before_the_address(self, make_app: Make) -> None:
        app = app_with(make_app, "1/minute")
        app.identify = who
        async with TestClient(app) as client:
            assert await statuses(client, 2, **{"x-user": "1"}) == [200, 429]
            assert await statuses(client, 2, **{"x-user": "2"}) == [200, 429]
            assert await statuses(client, 2) == [200, 429]

    async def test_who_sends_credentials_that_are_no_good_is_counted_by_address(self, make_app: Make) -> None:
        app = app_with(make_app, "2/minute")

        async def nobody(request: Request) -> User:
            raise Unauthorized("no")

        app.identify = nobody
        async with TestClient(app) as client:
            assert await statuses(client, 3) == [200, 200, 429]

    async def test_a_plan_decides_how_much(self, make_app: Make) -> None:
        def by_plan(caller: Caller) -> str | None:
            return {"free": "1/minute", "pro": "3/minute", "staff": None}[caller.identity.key]

        app = app_with(make_app, Policy(by_plan))
        app.identify = who
        async with TestClient(app) as client:
            assert await statuses(client, 4, **{"x-user": "free"}) == [200, 429, 429, 429]
            assert await statuses(client, 4, **{"x-user": "pro"}) == [200, 200, 200, 429]
            assert await statuses(client, 4, **{"x-user": "staff"}) == [200] * 4
            assert "ratelimit" not in (await client.get("/", headers={"x-user": "staff"})).headers

    async def test_costs_exemptions_and_other_things_to_count_by(self, make_app: Make) -> None:
        policy = Policy(
            "10/minute",
            by=lambda caller: caller.request.headers.get("x-tenant"),
            cost=lambda caller: int(caller.request.headers.get("x-cost", "1")),
            exempt=lambda caller: caller.request.headers.get("x-tenant") == "us",
        )
        async with TestClient(app_with(make_app, policy)) as client:
            assert await statuses(client, 4, **{"x-tenant": "a", "x-cost": "4"}) == [200, 200, 429, 429]
            assert await statuses(client, 3, **{"x-tenant": "a"}) == [200, 200, 429]
            assert await statuses(client, 1, **{"x-tenant": "b", "x-cost": "10"}) == [200]
            assert await statuses(client, 20, **{"x-tenant": "us"}) == [200] * 20
            assert await statuses(client, 20) == [200] * 20

    async def test_a_cost_below_nothing_is_an_error_of_the_server(self, make_app: Make) -> None:
        async with TestClient(app_with(make_app, Policy("1/minute", cost=lambda caller: -1))) as client:
            assert (await client.get("/")).status_code == 500


async def answer_one() -> int:
    return 1


@dataclass(frozen=True)
class User:
    key: str


async def who(request: Request) -> User | None:
    name = request.headers.get("x-user")
    return User(name) if name else None
