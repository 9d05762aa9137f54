"""Cached answers of several real workers: whole on the wire, and out of date for all when one says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from velox.testing import LiveServer

MAIN = """
import os
from pathlib import Path

from velox import Velox
from velox.cache import Cache, CachePolicy


def create_app(settings=None):
    app, row = Velox("cached", settings), Path("row")

    @app.get("/", cache=CachePolicy("1h", tags=["row"]))
    async def read() -> dict[str, str]:
        return {"row": row.read_text(), "worker": str(os.getpid())}

    @app.put("/<value>")
    async def write(value: str, cache: Cache) -> None:
        row.write_text(value)
        await cache.invalidate("row")

    return app
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    project: Path = tmp_path_factory.mktemp("cached")
    (project / "main.py").write_text(MAIN)
    (project / "row").write_text("first")
    with LiveServer(directory=project, options=("--no-reload", "--workers", "2")) as server:
        yield server.url


def read_by_all(url: str) -> list[httpx.Response]:
    """Answers of both workers: each request has a connection of its own."""
    found: dict[str, httpx.Response] = {}
    for _ in range(200):
        answer = httpx.get(url)
        found[answer.json()["worker"]] = answer
        if len(found) == 2:
            break
    assert len(found) == 2
    return list(found.values())


def test_an_invalidation_by_one_worker_counts_for_all(url: str) -> None:
    for value in ("second", "third"):
        read_by_all(url)
        assert httpx.put(f"{url}/{value}").status_code == 204
        assert {answer.json()["row"] for answer in read_by_all(url)} == {value}


def test_a_hit_has_all_the_fields_of_an_answer_once(url: str) -> None:
    with httpx.Client() as client:
        client.get(url)
        missed, hit = client.get(url), client.get(url)
    names = [name.lower() for name, _ in hit.headers.raw]
    assert len(set(names)) == len(names)
    assert set(names) >= {b"etag", b"cache-control", b"content-type", b"content-length", b"x-content-type-options"}
    assert hit.headers["etag"] == missed.headers["etag"]
    assert httpx.head(url).headers["content-length"] == hit.headers["content-length"]
