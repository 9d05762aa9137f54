"""Streams, uploads, threads, start and stop, as a client sees them on a real connection."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from velox.testing import LiveServer

APPS = Path(__file__).parent.parent.parent / "apps"
PATIENCE_S = 5.0


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wire") / "log"


@pytest.fixture(scope="module")
def server(log: Path) -> Iterator[LiveServer]:
    environment = {"VELOX_DATABASE_URL": "sqlite://", "WIRE_LOG": str(log), "VELOX_ENV": "test"}
    environment |= {"VELOX_MAX_JSON_BODY_BYTES": "1000", "VELOX_MAX_FORM_BODY_BYTES": "300000"}
    environment |= {"VELOX_FORM_SPOOL_BYTES": "1000", "VELOX_MAX_FORM_PARTS": "20"}
    with LiveServer("wire:create_app", directory=APPS, environment=environment) as server:
        yield server


@pytest.fixture
def http(server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=10) as client:
        yield client


def eventually(log: Path, line: str, times: int = 1) -> None:
    """Wait for the server to note ``line``."""
    end = time.monotonic() + PATIENCE_S
    while log.read_text().splitlines().count(line) < times:
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.01)


class TestStreams:
    def test_events(self, http: httpx.Client) -> None:
        """Each item an event, with what its type names and nothing else; line breaks are kept."""
        answer = http.get("/events")
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.text == (
            'data: {"number":0}\n\ndata: {"number":1}\n\n'
            "event: text\nid: 7\nretry: 10\ndata: two\ndata: lines\n\n"
            'data: {"number":99}\n\n'
        )

    @pytest.mark.parametrize(
        ("path", "kind", "content"),
        [
            ("/lines", "application/jsonl", b'{"number":1}\n{"number":2}\n'),
            ("/text", "text/plain; charset=utf-8", "éb".encode()),
            ("/bytes", "application/octet-stream", b"\xff\x00"),
            ("/empty", "application/jsonl", b""),
        ],
    )
    def test_lines_text_and_bytes(self, http: httpx.Client, path: str, kind: str, content: bytes) -> None:
        answer = http.get(path)
        assert (answer.headers["content-type"], answer.content) == (kind, content)

    def test_the_head_of_a_stream_has_no_body(self, http: httpx.Client) -> None:
        answer = http.head("/lines")
        assert (answer.status_code, answer.content) == (200, b"")
        assert http.get("/lines").status_code == 200

    @pytest.mark.parametrize(("kind", "status"), [("problem", 409), ("error", 500), ("unfit", 500)])
    def test_an_error_before_the_first_item_is_a_problem(self, http: httpx.Client, kind: str, status: int) -> None:
        answer = http.get(f"/fails/{kind}/0")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize("kind", ["problem", "error", "unfit"])
    def test_an_error_midway_breaks_the_connection(self, http: httpx.Client, kind: str) -> None:
        """Half an answer must not pass for all of it."""
        with http.stream("GET", f"/fails/{kind}/2") as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in answer.iter_raw():
                    pass
        assert http.get("/lines").status_code == 200

    def test_an_error_midway_is_logged_once_and_undone(self, http: httpx.Client, server: LiveServer, log: Path) -> None:
        before = server.output.count("ValueError: in the stream")
        with pytest.raises(httpx.RemoteProtocolError):
            http.get("/fails/error/1", headers={"x-request-id": "midway-1"})
        eventually(log, "unit undone ValueError")
        assert server.output.count("ValueError: in the stream") == before + 1
        assert "[request midway-1]" in server.output

    def test_comments_keep_a_silent_stream_alive(self, http: httpx.Client) -> None:
        lines = http.get("/slow").text.split("\n\n")
        assert lines[0] == 'data: {"number":1}'
        assert lines[1] == ":"
        assert lines[-2:] == ['data: {"number":2}', ""]

    def test_a_client_that_leaves_closes_the_generator(self, server: LiveServer, log: Path) -> None:
        with httpx.stream("GET", f"{server.url}/endless") as answer:
            next(answer.iter_raw())
        eventually(log, "endless closed")


class TestBodies:
    def test_a_small_file_stays_in_memory(self, http: httpx.Client) -> None:
        answer = http.post("/upload", files={"file": ("a.txt", b"x" * 1000)}, data={"title": "é"})
        assert answer.json() == {"bytes": 1000, "size": 1000, "on_disk": 0, "title": "é"}

    def test_a_large_file_is_on_disk_and_gone_afterwards(self, http: httpx.Client) -> None:
        answer = http.post("/upload", files={"file": ("a.bin", b"x" * 200_000)})
        assert answer.json() == {"bytes": 200_000, "size": 200_000, "on_disk": 1, "title": ""}
        assert http.get("/temporary-files").json() == 0

    def test_an_upload_that_breaks_off_leaves_nothing(self, server: LiveServer, http: httpx.Client) -> None:
        head = (
            "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 250000\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        )
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(head.encode() + b"x" * 100_000)
            end = time.monotonic() + PATIENCE_S
            while http.get("/temporary-files").json() == 0:
                assert time.monotonic() < end
        while http.get("/temporary-files").json() != 0:
            assert time.monotonic() < end

    @pytest.mark.parametrize(
        ("path", "options"),
        [
            ("/json", {"json": {"text": "x" * 1000}}),
            ("/json", {"content": b"x" * 400_000, "headers": {"content-type": "application/json"}}),
            ("/upload", {"files": {"file": ("a.bin", b"x" * 400_000)}}),
            ("/upload", {"data": {"title": "x" * 400_000}}),
        ],
        ids=["JSON", "JSON beyond every limit", "file", "field"],
    )
    def test_a_body_over_its_limit_is_a_413(self, http: httpx.Client, path: str, options: dict[str, object]) -> None:
        answer = http.post(path, **options)  # type: ignore[arg-type]
        assert answer.status_code == 413, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert http.get("/temporary-files").json() == 0

    def test_a_form_of_too_many_parts_is_a_400(self, http: httpx.Client) -> None:
        files = [("file", (f"{number}.txt", b"")) for number in range(30)]
        answer = http.post("/upload", files=files)
        assert answer.status_code == 400
        assert http.get("/temporary-files").json() == 0


class TestProblems:
    def test_an_unexpected_error_is_logged_once_with_the_request_id(
        self, http: httpx.Client, server: LiveServer
    ) -> None:
        answer = http.get("/crash", headers={"x-request-id": "crash-1", "accept": "text/html"})
        assert answer.json()["request_id"] == answer.headers["x-request-id"] == "crash-1"
        assert "what only" not in answer.text
        assert server.output.count("ValueError: what only the log may say") == 1
        assert "GET /crash failed [request crash-1]" in server.output

    def test_a_problems_own_headers_cannot_begin_another(self, http: httpx.Client) -> None:
        answer = http.get("/teapot")
        assert answer.status_code == 418
        assert "x-evil" not in answer.headers
        assert answer.json()["detail"] == "short\r\nX-Evil: 1"

    def test_a_request_id_that_is_unfit_is_replaced(self, server: LiveServer) -> None:
        request = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\nX-Evil: 1\r\nConnection: close\r\n\r\n"
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(request)
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        assert "evil" not in answer.lower()

    def test_what_is_not_even_a_request_is_a_problem_too(self, server: LiveServer) -> None:
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert json.loads(body)["status"] == 400

    def test_a_plain_function_runs_beside_the_loop(self, http: httpx.Client) -> None:
        assert http.get("/thread").json() == [False, True]


def test_hooks_run_once_per_worker(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {"VELOX_DATABASE_URL": f"sqlite:///{tmp_path}/test.db", "WIRE_LOG": str(log)}
    with LiveServer("wire:create_app", directory=APPS, environment=environment, options=("--workers", "2")) as server:
        eventually(log, "started", times=2)
        assert server.stop() == 0
    assert sorted(log.read_text().splitlines()) == ["started", "started", "stopped", "stopped"]


def test_a_failing_start_ends_with_a_readable_line() -> None:
    command = [sys.executable, "-m", "velox", "run", "wire:create_app", "--port", "0"]
    environment = {"PATH": "", "VELOX_ENV": "test", "VELOX_DATABASE_URL": "sqlite://", "WIRE_FAIL": "1"}
    ended = subprocess.run(command, cwd=APPS, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "VX105" in ended.stderr
    assert "no such engine" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
