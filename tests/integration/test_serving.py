"""What `velox run` serves is the whole app, although Sanic leaves out of its code what nobody listens to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from velox.testing import LiveServer

MAIN = """
from velox import JsonLines, Request, Velox


def create_app(settings=None):
    app = Velox("served", settings)
    heard = []

    @app.signal("http.lifecycle.request")
    async def hear(request):
        heard.append(request.path)

    @app.on_response
    async def mark(request, response):
        if request.path != "/usual":
            response.headers["x-path"] = request.path

    @app.get("/usual")
    async def usual() -> list[int]:
        return [1, 2]

    @app.get("/heard")
    async def get_heard() -> list[str]:
        return heard

    @app.get("/nothing")
    async def nothing() -> None:
        return None

    @app.get("/lines")
    async def lines() -> JsonLines[int]:
        yield 1
        yield 2

    return app
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server in a process of its own."""
    project: Path = tmp_path_factory.mktemp("served")
    (project / "main.py").write_text(MAIN)
    with LiveServer(directory=project, options=("--no-reload",)) as server:
        yield server.url


def test_the_usual_answer_has_no_header_without_a_reason(url: str) -> None:
    """Its length and type, who answered when, and what keeps a browser safe; nothing empty, nothing twice."""
    answer = httpx.get(f"{url}/usual")
    assert answer.json() == [1, 2]
    assert sorted(answer.headers.multi_items()) == [
        ("content-length", str(len(answer.content))),
        ("content-type", "application/json"),
        ("cross-origin-opener-policy", "same-origin"),
        ("date", answer.headers["date"]),
        ("referrer-policy", "same-origin"),
        ("server", "velox"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ]


def test_a_signal_that_is_listened_to_is_heard(url: str) -> None:
    """Only unused signals are left out."""
    assert "/heard" in httpx.get(f"{url}/heard").json()


def test_response_middleware_adds_headers(url: str) -> None:
    """The short way of writing headers is for answers that nobody has touched."""
    answer = httpx.get(f"{url}/heard")
    assert (answer.headers["x-path"], answer.headers["content-type"]) == ("/heard", "application/json")


def test_other_answers_are_served_too(url: str) -> None:
    """HEAD has the length but no body, 204 has neither, a stream comes whole, a problem has its own media type."""
    head = httpx.head(f"{url}/usual")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "5")
    nothing = httpx.get(f"{url}/nothing")
    assert (nothing.status_code, "content-length" in nothing.headers) == (204, False)
    assert httpx.get(f"{url}/lines").text == "1\n2\n"
    assert httpx.get(f"{url}/missing").headers["content-type"] == "application/problem+json"
