"""Cross-origin requests: off until an origin is named, and then exactly that origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from velox import ConfigurationError, Settings, Velox
from velox.testing import TestClient

OURS, THEIRS = "https://app.example.com", "https://evil.example.com"
PREFLIGHT = {"access-control-request-method": "PUT"}


def permissions(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("access-control")}


@pytest.fixture
def app(make_app: Callable[..., Velox]) -> Callable[..., Velox]:
    def make(**settings: object) -> Velox:
        app = make_app(**settings)

        @app.get("/")
        async def read() -> str:
            return "read"

        return app

    return make


async def test_without_origins_nothing_says_anything_about_them(app: Callable[..., Velox]) -> None:
    async with TestClient(app()) as client:
        answer = await client.get("/", headers={"origin": OURS})
        assert permissions(answer.headers) == {}
        assert "vary" not in answer.headers
        assert (await client.options("/", headers={"origin": OURS, **PREFLIGHT})).status_code == 405


@pytest.mark.parametrize("path", ["/", "/nowhere"])
async def test_a_page_of_a_named_origin_may_read_answers_and_problems(app: Callable[..., Velox], path: str) -> None:
    async with TestClient(app(cors_origins=(OURS,))) as client:
        answer = await client.get(path, headers={"origin": OURS})
        assert answer.headers["access-control-allow-origin"] == OURS
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [THEIRS, "null", f"{OURS}:8443", "http://app.example.com", f"{OURS}.evil.example"])
async def test_a_page_of_another_origin_may_not(app: Callable[..., Velox], origin: str) -> None:
    async with TestClient(app(cors_origins=(OURS,), cors_credentials=True)) as client:
        answer = await client.get("/", headers={"origin": origin})
        assert (answer.status_code, permissions(answer.headers)) == (200, {})
        asked = await client.options("/", headers={"origin": origin, **PREFLIGHT})
        assert (asked.status_code, permissions(asked.headers)) == (403, {})


async def test_every_answer_says_that_it_depends_on_the_origin(app: Callable[..., Velox]) -> None:
    """Or a cache would hand one origin's permission to another."""
    async with TestClient(app(cors_origins=(OURS,))) as client:
        for headers in ({}, {"origin": OURS}, {"origin": THEIRS}):
            assert "Origin" in (await client.get("/", headers=headers)).headers["vary"]


async def test_a_preflight_is_answered_for_every_route(app: Callable[..., Velox]) -> None:
    async with TestClient(app(cors_origins=(OURS,), cors_credentials=True, cors_max_age_s=60)) as client:
        answer = await client.options("/", headers={"origin": OURS, **PREFLIGHT})
    assert (answer.status_code, answer.content) == (204, b"")
    assert permissions(answer.headers) == {
        "access-control-allow-origin": OURS,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-CSRF-Token",
        "access-control-max-age": "60",
    }


async def test_options_without_a_question_are_a_methods_own(app: Callable[..., Velox]) -> None:
    async with TestClient(app(cors_origins=(OURS,))) as client:
        answer = await client.options("/", headers={"origin": OURS})
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


async def test_all_origins_may_without_cookies(app: Callable[..., Velox]) -> None:
    async with TestClient(app(cors_origins=("*",))) as client:
        answer = await client.get("/", headers={"origin": THEIRS})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_all_origins_with_cookies_stop_the_start() -> None:
    settings = Settings(env="test", database_url="sqlite://", cors_origins=("*",), cors_credentials=True)
    with pytest.raises(ConfigurationError, match=r"VX302 cors_credentials \(.*\) does not go with cors_origins"):
        Velox("open", settings)


@pytest.mark.parametrize("origin", ["app.example.com", f"{OURS}/", f"{OURS}/path", "https://*.example.com", ""])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigurationError, match=r"VX302 cors_origins.* it should be a scheme and a host"):
        Settings(cors_origins=(origin,))


def test_several_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELOX_CORS_ORIGINS", f"{OURS}, http://localhost:3000")
    assert Settings().cors_origins == (OURS, "http://localhost:3000")
