"""Several workers of one machine, without Redis: the limit is the machine's, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from velox.shared_files import FOLDER, PREFIX
from velox.testing import LiveServer

MAIN = """
import os

from velox import Request, Velox
from velox.limits import Policy


def create_app(settings=None):
    app = Velox("limited", settings)
    policy = Policy("60/day", by=lambda caller: caller.request.headers["x-who"], algorithm="fixed")

    @app.get("/", limit=[policy, Policy("1000/day", name="wide")])
    async def root() -> int:
        return os.getpid()

    return app
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    project: Path = tmp_path_factory.mktemp("limited")
    (project / "main.py").write_text(MAIN)
    with LiveServer(directory=project, options=("--no-reload", "--workers", "3")) as server:
        yield server


def ask(url: str, who: str, count: int) -> list[tuple[int, str]]:
    """Each request on a connection of its own, so that any worker may get it."""
    answers = [httpx.get(url, headers={"x-who": who}) for _ in range(count)]
    return [(answer.status_code, answer.text) for answer in answers]


def test_the_limit_is_exact_for_all_workers_together(server: LiveServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = [each for part in pool.map(lambda _: ask(server.url, "race", 12), range(8)) for each in part]
    assert Counter(status for status, _ in found) == {200: 60, 429: 36}
    assert len({text for status, text in found if status == 200}) > 1


def test_a_worker_that_was_killed_leaves_its_counts_to_the_others(server: LiveServer) -> None:
    found = ask(server.url, "killed", 30)
    os.kill(int(found[0][1]), signal.SIGKILL)
    statuses = Counter(status for status, _ in [*found, *ask_until_done(server.url, "killed", 60)])
    assert statuses == {200: 60, 429: 30}


def ask_until_done(url: str, who: str, count: int) -> list[tuple[int, str]]:
    """What a killed worker had just accepted is asked again."""
    found: list[tuple[int, str]] = []
    while len(found) < count:
        try:
            found += ask(url, who, 1)
        except httpx.TransportError:
            continue
    return found


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    with LiveServer(directory=tmp_path, options=("--no-reload", "--workers", "2")) as server:
        ask(server.url, "a", 1)
        files = list(FOLDER.glob(f"{PREFIX}{server.process.pid}-*"))
        assert files
    assert [file for file in files if file.exists()] == []
