"""The front, in an app without a server, and what its settings can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sanic import HTTPResponse, Request
from sanic.response import BaseHTTPResponse, text

from velox import Blueprint, Settings, Velox
from velox.errors import ConfigurationError
from velox.http.front import Front
from velox.http.fronted import FrontProtocol, fronted
from velox.http.protocol import VeloxProtocol
from velox.testing import TestClient

MakeApp = Callable[..., Velox]
OWN = {"Host": "example.com"}


async def hello() -> str:
    return "hello"


async def test_another_host_is_a_problem_wherever_it_knocks(make_app: MakeApp) -> None:
    app = make_app(allowed_hosts=["example.com"], max_json_body_bytes=10)
    app.get("/hello")(hello)

    @app.post("/body")
    async def body(request: Request) -> None: ...

    async with TestClient(app) as client:
        assert (await client.get("/hello", headers=OWN)).status_code == 200
        for method, path in [("GET", "/hello"), ("GET", "/missing"), ("PUT", "/hello"), ("POST", "/body")]:
            answer = await client.request(method, path, content=b"x" * 100 if method == "POST" else None)
            assert answer.status_code == 400
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"] == "The app is not served under this host."


async def test_probes_are_answered_under_any_name(make_app: MakeApp) -> None:
    async with TestClient(make_app(allowed_hosts=["example.com"])) as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 200


async def test_middleware_sees_only_requests_that_may_be_served(make_app: MakeApp) -> None:
    app = make_app(allowed_hosts=["example.com"], trusted_proxies=1)
    seen: list[str] = []

    async def middleware(request: Request) -> None:
        seen.append(request.client_ip)

    app.register_middleware(middleware, "request", priority=1000)
    app.get("/hello")(hello)
    async with TestClient(app) as client:
        await client.get("/hello")
        await client.get("/hello", headers={**OWN, "X-Forwarded-For": "1.2.3.4"})
        await client.get("/missing", headers={**OWN, "X-Forwarded-For": "1.2.3.5"})

    assert seen == ["1.2.3.4", "1.2.3.5"]


async def test_a_blueprints_middleware_too(make_app: MakeApp) -> None:
    app, shop = make_app(allowed_hosts=["example.com"]), Blueprint("shop", url_prefix="/shop")
    seen: list[str] = []

    @shop.on_request
    async def middleware(request: Request) -> None:
        seen.append(request.path)

    shop.get("/hello")(hello)
    app.blueprint(shop)
    async with TestClient(app) as client:
        assert (await client.get("/shop/hello")).status_code == 400
        assert (await client.get("/shop/hello", headers=OWN)).status_code == 200

    assert seen == ["/shop/hello"]


async def test_a_forwarded_host_is_checked_instead_of_the_proxys(make_app: MakeApp) -> None:
    app = make_app(allowed_hosts=["example.com"], trusted_proxies="127.0.0.1")
    app.get("/hello")(hello)
    async with TestClient(app) as client:
        sent = {"X-Forwarded-For": "1.2.3.4"}
        good = await client.get("/hello", headers={**sent, "X-Forwarded-Host": "example.com"})
        bad = await client.get("/hello", headers={**sent, **OWN, "X-Forwarded-Host": "evil.net"})

    assert (200, 400) == (good.status_code, bad.status_code)


async def test_a_malformed_forwarded_is_a_400(make_app: MakeApp) -> None:
    app = make_app(trusted_proxies=1, proxy_headers="forwarded")
    app.get("/hello")(hello)
    async with TestClient(app) as client:
        answer = await client.get("/hello", headers={"Forwarded": 'for="'})

    assert answer.status_code == 400


async def test_sanics_own_settings_for_proxies_do_not_count(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANIC_PROXIES_COUNT", "1")
    monkeypatch.setenv("SANIC_REAL_IP_HEADER", "X-Real-IP")
    app = make_app()

    @app.get("/who")
    async def who(request: Request) -> dict[str, Any]:
        return {"client": request.client_ip, "forwarded": request.forwarded}

    async with TestClient(app) as client:
        answer = await client.get("/who", headers={"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6"})

    assert {"client": "127.0.0.1", "forwarded": {}} == answer.json()


async def test_errors_have_security_headers_and_handlers_have_the_last_word(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/own")
    async def own() -> HTTPResponse:
        return text("own", headers={"X-Frame-Options": "SAMEORIGIN"})

    async def middleware(request: Request, response: BaseHTTPResponse) -> None:
        response.headers["Referrer-Policy"] = "origin"

    app.register_middleware(middleware, "response")
    async with TestClient(app) as client:
        good, missing = await client.get("/own"), await client.get("/missing")

    assert ["SAMEORIGIN"] == good.headers.get_list("x-frame-options")
    assert ["DENY"] == missing.headers.get_list("x-frame-options")
    assert ["origin"] == good.headers.get_list("referrer-policy") == missing.headers.get_list("referrer-policy")


async def test_an_app_can_be_started_again(make_app: MakeApp) -> None:
    app = make_app(allowed_hosts=["example.com"])
    app.get("/hello")(hello)
    for _ in range(2):
        async with TestClient(app) as client:
            assert (await client.get("/hello", headers=OWN)).headers.get_list("x-frame-options") == ["DENY"]
            assert (await client.get("/hello")).status_code == 400


def test_without_settings_handlers_are_not_wrapped(make_app: MakeApp) -> None:
    app = make_app()

    assert not app.front.examines


def test_veloxs_protocol_is_prepared_with_the_fronts_headers() -> None:
    class Own(VeloxProtocol):
        pass

    settings = Settings(referrer_policy="")
    front = Front(settings)
    usual, own = fronted(VeloxProtocol, front, settings), fronted(Own, front, settings)

    assert issubclass(usual, FrontProtocol)
    assert issubclass(own, Own)
    assert issubclass(own, FrontProtocol)
    assert front is own.front
    assert own is fronted(own, front, settings)
    assert fronted(Path, front, settings) is Path


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ("Example.com, *.example.org", ("example.com", "*.example.org")),
        ('["a.example"]', ("a.example",)),
        ("[::1]", ("[::1]",)),
        ("", ()),
        ("*", ("*",)),
    ],
)
def test_hosts_are_listed_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: str, hosts: tuple[str, ...]
) -> None:
    monkeypatch.setenv("VELOX_ALLOWED_HOSTS", given)

    assert hosts == Settings().allowed_hosts


@pytest.mark.parametrize(
    ("given", "proxies"),
    [
        ("2", 2),
        ("0", 0),
        ("10.0.0.1, 2001:db8::/32", ("10.0.0.1/32", "2001:db8::/32")),
        ('["10.1.2.3/8"]', ("10.0.0.0/8",)),
        ("", ()),
    ],
)
def test_proxies_are_a_number_or_networks(monkeypatch: pytest.MonkeyPatch, given: str, proxies: object) -> None:
    monkeypatch.setenv("VELOX_TRUSTED_PROXIES", given)

    assert proxies == Settings().trusted_proxies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allowed_hosts", "example.com:8000"),
        ("allowed_hosts", "https://example.com"),
        ("allowed_hosts", "a.*.example.com"),
        ("allowed_hosts", '["a'),
        ("trusted_proxies", "proxy.example.com"),
        ("trusted_proxies", -1),
        ("trusted_proxies", "33"),
        ("frame_options", "DENY\r\nX-Evil: 1"),
        ("hsts_s", -1),
    ],
)
def test_what_cannot_be_meant_stops_the_start(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match="VX302") as mistake:
        Settings.load(**{name: value})

    assert name in mistake.value.message
