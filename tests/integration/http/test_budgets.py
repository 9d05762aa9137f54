"""The budgets of a server that was started with other ones, one by one."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.running import Running, write_project

Start = Callable[..., Running]
HOST = b"Host: a\r\n"
TIGHT = {
    "VELOX_MAX_CONNECTIONS": "4",
    "VELOX_MAX_HEAD_BYTES": "600",
    "VELOX_MAX_URL_BYTES": "100",
    "VELOX_MAX_HEADER_FIELDS": "5",
    "VELOX_HEAD_TIMEOUT_S": "0.3",
    "VELOX_KEEP_ALIVE_S": "0.3",
    "VELOX_MIN_BODY_BYTES_PER_S": "100KiB",
    "VELOX_BODY_WINDOW_S": "0.3",
    "VELOX_RESPONSE_TIMEOUT_S": "0.3",
    "VELOX_MAX_FRAMING_BYTES": "256",
    "VELOX_MAX_COMPRESSION_RATIO": "20",
    "VELOX_SERVER_HEADER": "shop",
    "VELOX_REFERRER_POLICY": "origin",
}
COMMON = (b"Server: shop", b"Date: ", b"X-Content-Type-Options: nosniff", b"Referrer-Policy: origin")


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all of them; nobody's requests last."""
    server = Running(write_project(tmp_path_factory.mktemp("tight") / "chaos"), "--workers", "1", environment=TIGHT)
    try:
        server.until_ready()
        yield server
    finally:
        server.kill()


def ask(server: Running, *pieces: bytes) -> tuple[int, bytes, bytes]:
    """Status, head and body of everything that is answered until the server closes."""
    with server.connect() as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head[9:12]), head, body


def post(path: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join([b"POST " + path + b" HTTP/1.1", b"Host: a", *fields, b"", b""])


REFUSED = {
    "a malformed head": (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    "no request line": (400, b"nonsense\r\n\r\n"),
    "a long target": (414, b"GET /" + b"a" * 100 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a long head": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 600 + b"\r\n\r\n"),
    "many fields": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 5 + b"\r\n"),
    "a head that does not end": (408, b"GET / HTTP/1.1\r\n" + HOST),
    "a slow body": (408, post(b"/body", b"Content-Length: 100000") + b"a"),
    "a slow handler": (503, b"GET /work?seconds=5 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"),
    "much framing": (400, post(b"/body", b"Transfer-Encoding: chunked") + b"1;" + b"a" * 300 + b"\r\na\r\n0\r\n\r\n"),
    "a large body": (413, post(b"/body", b"Content-Length: 99999999")),
    "a coding that is not known": (415, post(b"/body", b"Content-Encoding: br", b"Content-Length: 1") + b"a"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_has_its_status_and_the_headers_of_all_answers(tight: Running, name: str) -> None:
    """A problem, a closed connection; ``Date``, ``Server`` and security headers are there whoever answers."""
    status, request = REFUSED[name]
    found, head, body = ask(tight, request)
    assert status == found
    assert status == json.loads(body)["status"]
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert [] == [field for field in COMMON if head.count(b"\r\n" + field) != 1]


def test_a_connection_too_many_has_them_too(tight: Running) -> None:
    """It is told so at once, with nothing sent."""
    held = []
    try:
        for _ in range(4):
            held.append(tight.connect())
            held[-1].sendall(b"GET /pid HTTP/1.1\r\n" + HOST + b"\r\n")
            assert held[-1].recv(65_536).startswith(b"HTTP/1.1 200 ")
        found, head, _ = ask(tight)
    finally:
        for connection in held:
            connection.close()
    assert 503 == found
    assert [] == [field for field in COMMON if head.count(b"\r\n" + field) != 1]


def test_an_idle_connection_is_closed_after_its_time(tight: Running) -> None:
    with tight.connect() as connection:
        connection.sendall(b"GET /pid HTTP/1.1\r\n" + HOST + b"\r\n")
        began_s = time.monotonic()
        while connection.recv(65_536):
            pass
    assert time.monotonic() - began_s < 5


def test_a_compressed_body_is_read_within_its_ratio(tight: Running) -> None:
    """A bomb is a 413, whatever the limit of the body itself is."""

    def send(body: bytes) -> tuple[int, bytes]:
        length = b"Content-Length: %d" % len(body)
        status, _, answer = ask(tight, post(b"/body", b"Content-Encoding: gzip", length, b"Connection: close") + body)
        return status, answer

    assert (200, b"60000") == send(gzip.compress(b"hello " * 10_000))
    assert 413 == send(gzip.compress(bytes(5_000_000)))[0]
    assert 400 == send(gzip.compress(b"hello")[:-1])[0]


def test_keep_alive_of_0_s_closes_after_each_answer(start: Start) -> None:
    server = start("--workers", "1", environment={"VELOX_KEEP_ALIVE_S": "0", "VELOX_SERVER_HEADER": ""})
    server.until_ready()
    status, head, _ = ask(server, b"GET /pid HTTP/1.1\r\n" + HOST + b"\r\n")
    assert 200 == status
    assert b"\r\nConnection: close" in head
    assert b"Server:" not in head


def test_a_setting_reaches_stock_sanic_too(start: Start, project: Path) -> None:
    """What it has a setting of its own for."""
    environment = {**TIGHT, "VELOX_HTTP_PROTOCOL": "sanic"}
    server = start("--workers", "1", environment=environment)
    server.until_ready()
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 600 + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert b"413" in connection.recv(65_536)[:20]
