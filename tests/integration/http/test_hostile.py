"""Clients that take as much as they can get for as little as possible: deadlines and memory hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.chaos.hostile import KINDS, attack
from benchmarks.chaos.latency import Latency
from benchmarks.chaos.running import Running

Start = Callable[..., Running]
CLIENTS = 400
MIB = 2**20
QUICK = {
    "VELOX_HEAD_TIMEOUT_S": "1",
    "VELOX_BODY_WINDOW_S": "1",
    "VELOX_WRITE_TIMEOUT_S": "1",
}
# A sweep may be a second late, and a machine that is busy another few.
LATE_S = 8.0


@pytest.mark.parametrize(
    ("name", "statuses"), [("slow head", {408: CLIENTS}), ("slow body", {408: CLIENTS}), ("slow reader", {})]
)
def test_400_slow_clients_are_all_closed_in_time(start: Start, name: str, statuses: dict[int, int]) -> None:
    """A byte now and then is no progress; meanwhile others are served, and each slow one costs 256 KiB at most."""
    server = start("--workers", "1", environment=QUICK)
    server.until_ready()
    with Latency(server.port) as usual:
        server.until(lambda: len(usual.took_s) > 20)
        before_bytes, seen = server.memory_bytes(), len(usual.took_s)
        with ThreadPoolExecutor(1) as pool:
            attacked = pool.submit(attack, server.port, KINDS[name], clients=CLIENTS, for_s=30.0)
            most_bytes = 0
            while not attacked.done():
                server.until(lambda: len(usual.took_s) > seen)  # noqa: B023 - called at once
                seen, most_bytes = len(usual.took_s), max(most_bytes, server.memory_bytes())
        found = attacked.result()
    assert (0, CLIENTS, statuses) == (found.still_open, len(found.closed_after_s), found.statuses)
    assert max(found.closed_after_s) < 1 + LATE_S
    assert [] == usual.failed
    assert most_bytes - before_bytes < CLIENTS * 256 * 1024
    assert server.stop() == 0
    assert "Traceback" not in server.output


def chunked(size_bytes: int) -> Iterator[bytes]:
    """A body of ``size_bytes`` whose length nobody was told."""
    piece = b"%x\r\n%b\r\n" % (65_536, b" " * 65_536)
    for _ in range(size_bytes // 65_536):
        yield piece
    yield b"1\r\n \r\n0\r\n\r\n"


FORM = b"multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'


@pytest.mark.parametrize(
    ("path", "head", "body"),
    [
        (b"/json", b"Content-Type: application/json\r\nContent-Length: %d\r\n" % (MIB + 1), lambda: iter((b" " * 9,))),
        (b"/json", b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", lambda: chunked(MIB)),
        (
            b"/upload",
            b"Content-Type: " + FORM + b"\r\nTransfer-Encoding: chunked\r\n",
            lambda: iter((b"%x\r\n%b\r\n" % (len(PART), PART), *chunked(10 * MIB))),
        ),
    ],
    ids=["declared", "in chunks", "a form in chunks"],
)
def test_100_bodies_over_their_limit_are_refused_without_being_kept(
    start: Start, path: bytes, head: bytes, body: Callable[[], Iterator[bytes]]
) -> None:
    """413 for each, whether the length was declared or found out; memory grows by 150 MB at most."""
    server = start("--workers", "1")
    server.until_ready()
    before_bytes = server.memory_bytes()
    with ThreadPoolExecutor(100) as pool:
        answers = [
            pool.submit(post, server, b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n", body())
            for _ in range(100)
        ]
        most_bytes = 0
        while not all(answer.done() for answer in answers):
            most_bytes = max(most_bytes, server.memory_bytes())
            server.worker()
    assert [b"413"] * 100 == [answer.result() for answer in answers]
    assert most_bytes - before_bytes < 150 * MIB
    assert server.stop() == 0


def post(server: Running, head: bytes, body: Iterator[bytes]) -> bytes:
    """The status of the answer."""
    with server.connect() as connection:
        connection.sendall(head)
        try:
            for piece in body:
                connection.sendall(piece)
        except OSError:  # it was refused before its end
            pass
        try:
            return connection.recv(65_536)[9:12]
        except ConnectionResetError:
            return b"reset"
