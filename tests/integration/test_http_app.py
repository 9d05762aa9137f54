"""The promises about transactions and stopping, on ``velox run`` in a process of its own and over real sockets."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from velox.testing import LiveServer

APPS = Path(__file__).parent.parent / "apps"


def server_of(app: str, file: Path, *options: str) -> LiveServer:
    """``velox run`` of ``tests/apps/APP.py`` with the SQLite database ``file``."""
    environment = {"VELOX_DATABASE_URL": f"sqlite:///{file}", "VELOX_CREATE_TABLES": "true"}
    return LiveServer(f"{app}:create_app", directory=APPS, environment=environment, options=options)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counting") / "test.db"


@pytest.fixture(scope="module")
def server(database: Path) -> Iterator[LiveServer]:
    with server_of("counting", database) as server:
        yield server


@pytest.fixture
def http(server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def stored(database: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    """What another process sees in the database now."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query, values).fetchall()


async def bump_50_times_at_once(url: str) -> None:
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
        assert (await client.post("/counters/contended")).status_code == 201
        answers = await asyncio.gather(*(client.post("/counters/contended/bump") for _ in range(50)))
        assert [answer.status_code for answer in answers] == [200] * 50
        assert sorted(answer.json()["value"] for answer in answers) == list(range(1, 51))
        assert (await client.get("/counters/contended")).json()["value"] == 50


async def test_50_concurrent_read_modify_writes_lose_nothing_and_fail_nowhere(server: LiveServer) -> None:
    """Each request reads the row, lets the others run, and writes: 50 requests on 50 connections add up to 50."""
    await bump_50_times_at_once(server.url)


async def test_nor_do_they_when_two_processes_share_the_file(tmp_path: Path) -> None:
    with server_of("counting", tmp_path / "test.db", "--workers", "2") as server:
        await bump_50_times_at_once(server.url)


def test_the_commit_happens_before_the_response(http: httpx.Client, database: Path) -> None:
    """Whoever has the head of the answer finds the row, from any process."""
    for number in range(50):
        name = f"early{number}"
        with http.stream("POST", f"/counters/{name}") as answer:
            assert stored(database, "SELECT count(*) FROM counter WHERE name = ?", name) == [(1,)]
            assert answer.status_code == 201


def test_a_failing_commit_is_never_a_success(http: httpx.Client) -> None:
    """The insert worked and the handler returned; then the commit found a dangling reference."""
    before = http.get("/pointers").json()
    answer = http.post("/pointers/999999")
    assert answer.status_code in {409, 422, 500}
    assert answer.headers["content-type"] == "application/problem+json"
    assert http.get("/pointers").json() == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("crash", 500),
        ("refuse", 409),
        ("answer/400", 400),
        ("answer/404", 404),
        ("answer/503", 503),
    ],
)
def test_an_error_rolls_back(http: httpx.Client, database: Path, path: str, status: int) -> None:
    """An exception, a raised problem, and a returned response with a problem's status all undo the insert."""
    name = path.replace("/", "-")
    assert http.post(f"/counters/{name}/{path}").status_code == status
    assert stored(database, "SELECT count(*) FROM counter WHERE name = ?", name) == [(0,)]


@pytest.mark.parametrize("status", [200, 201, 302])
def test_any_other_status_commits(http: httpx.Client, database: Path, status: int) -> None:
    name = f"good{status}"
    assert http.post(f"/counters/{name}/answer/{status}").status_code == status
    assert stored(database, "SELECT count(*) FROM counter WHERE name = ?", name) == [(1,)]


def test_an_error_does_not_poison_the_connection(http: httpx.Client) -> None:
    """The writer's one database connection serves the next request."""
    for number in range(5):
        assert http.post(f"/counters/poison{number}/crash").status_code == 500
    assert http.post("/counters/cured").status_code == 201


def test_a_500_says_nothing_about_the_inside(http: httpx.Client) -> None:
    """Outside of ``dev`` there is no traceback, no file name and no exception's text in the answer."""
    answer = http.post("/counters/secret/crash")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"]
    for inside in ("RuntimeError", "after the insert", "Traceback", "counting.py"):
        assert inside not in answer.text


def test_stopping_lets_a_request_in_flight_finish(tmp_path: Path) -> None:
    """SIGTERM in the middle of an answer: the rest of it arrives, then the server ends with exit code 0."""
    with server_of("counting", tmp_path / "test.db") as server:
        with httpx.stream("GET", f"{server.url}/slow") as answer:
            lines = answer.iter_lines()
            assert next(lines) == "started"
            server.process.send_signal(signal.SIGTERM)
            assert list(lines) == ["finished"]
        assert server.process.wait(10) == 0


def test_stopping_an_idle_server_is_quick_and_clean(tmp_path: Path) -> None:
    """An open keep-alive connection does not hold it up."""
    with server_of("counting", tmp_path / "test.db") as server, httpx.Client(base_url=server.url) as client:
        client.get("/health/live")
        assert server.stop() == 0
        assert "Traceback" not in server.output


def test_what_was_committed_survives_the_server(tmp_path: Path) -> None:
    """Killed with SIGKILL right after the answer; the next server has the row."""
    file = tmp_path / "test.db"
    with server_of("counting", file) as server:
        assert httpx.post(f"{server.url}/counters/kept").status_code == 201
        server.process.kill()
        server.process.wait()
    with server_of("counting", file) as server:
        assert httpx.get(f"{server.url}/counters/kept").json()["name"] == "kept"


def test_after_a_413_a_pool_s_next_request_is_answered(tmp_path: Path) -> None:
    """Either the rest of the body is read, or the answer says that the connection ends."""
    with server_of("everything", tmp_path / "test.db") as server, httpx.Client(base_url=server.url) as client:
        for size_bytes in (11_000_000, 15_000_000):
            assert client.post("/values/file", files={"upload": b"x" * size_bytes}).status_code == 413
            assert client.post("/values/file", files={"upload": b"x"}).json() == {"size": 1, "title": 0}


def test_a_client_that_gives_up_in_its_body_is_no_error_of_the_server(tmp_path: Path) -> None:
    """No record with a traceback: anybody could fill the log."""
    with server_of("everything", tmp_path / "test.db") as server:
        with socket.create_connection((server.host, server.port)) as connection:
            head = "POST /values/tree HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 99"
            connection.sendall("\r\n".join([*head, "", "{"]).encode())
        assert httpx.get(f"{server.url}/health/live").status_code == 200
        assert server.stop() == 0
        assert "Traceback" not in server.output
        assert "failed" not in server.output
