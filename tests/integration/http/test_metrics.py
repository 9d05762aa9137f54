"""``/metrics`` and ``X-Request-ID`` of a server with several workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from uuid import UUID

import pytest

from benchmarks.chaos.running import Running
from benchmarks.load import exchange
from velox.http.board import MEMORY, PREFIX

Start = Callable[..., Running]
ON = {"VELOX_METRICS": "true"}
NAMED = {"VELOX_REQUEST_ID_HEADER": "true"}


def counted(server: Running, route: str) -> int:
    """How many answers of ``route`` with status 200 the server says that there were."""
    series = f'http_requests_total{{method="GET",route="{route}",status="200"}} '
    lines = server.get("/metrics").splitlines()
    return sum(int(line.removeprefix(series)) for line in lines if line.startswith(series))


def test_every_worker_tells_what_all_have_counted(start: Start) -> None:
    """Also what those counted that were killed, and it never falls."""
    server = start("--workers", "2", environment=ON)
    server.until_ready()
    asked = 0
    for _ in range(30):
        server.get("/work?seconds=0")
        asked += 1
        assert counted(server, "/work") == asked
    before = server.workers(2)
    os.kill(min(before), signal.SIGKILL)
    server.until(lambda: server.worker() not in before)
    assert [asked] * 8 == [counted(server, "/work") for _ in range(8)]
    folders = {path for path in MEMORY.glob(f"{PREFIX}*") if any((path / str(pid)).exists() for pid in before)}
    assert server.stop() == 0
    assert folders
    assert not any(path.exists() for path in folders)


def test_what_no_route_was_found_for_has_no_path(start: Start) -> None:
    """Anybody could make series without end."""
    server = start("--workers", "1", environment=ON)
    server.until_ready()
    server.get("/made/up")
    shown = server.get("/metrics")
    assert 'http_requests_total{method="",route="",status="404"} 1' in shown
    assert "made" not in shown


@pytest.mark.parametrize("protocol", ["velox", "sanic"])
def test_every_answer_has_the_requests_id(start: Start, protocol: str) -> None:
    """The client's own, or a new one in each; also problems, once."""
    server = start("--workers", "1", environment={**NAMED, "VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with server.connect() as connection:
        for path in ("/pid", "/nowhere"):
            request = f"GET {path} HTTP/1.1\r\nHost: chaos\r\n".encode()
            new = [exchange(connection, request + b"\r\n").headers["x-request-id"] for _ in range(3)]
            assert 3 == len({UUID(one) for one in new})
            own = exchange(connection, request + b"X-Request-ID: order-7\r\n\r\n")
            assert "order-7" == own.headers["x-request-id"]
            unfit = exchange(connection, request + b"X-Request-ID: {evil}\r\n\r\n")
            assert "{evil}" != unfit.headers["x-request-id"]


def test_without_the_settings_there_is_neither(start: Start) -> None:
    """The default."""
    server = start("--workers", "1")
    server.until_ready()
    assert '"status":404' in server.get("/metrics")
    with server.connect() as connection:
        assert "x-request-id" not in exchange(connection, b"GET /pid HTTP/1.1\r\nHost: chaos\r\n\r\n").headers
