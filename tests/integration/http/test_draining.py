"""Stopping and restarting under load, measured by clients."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.chaos.running import MAIN, Running
from benchmarks.chaos.traffic import Traffic
from benchmarks.load import Answer, exchange

Start = Callable[..., Running]
PROTOCOLS = pytest.mark.parametrize("protocol", ["velox", "sanic"])
SLOW = b"GET /work?seconds=1 HTTP/1.1\r\nHost: chaos\r\n\r\n"
READY = b"GET /health/ready HTTP/1.1\r\nHost: chaos\r\n\r\n"
ENOUGH = 100
LISTENER = """
    async def tell(*_: object) -> None:
        print("leaving", flush=True)

    app.register_listener(tell, "before_server_stop")
    return app
"""


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "close"])
@pytest.mark.parametrize(("workers", "protocol"), [(1, "velox"), (4, "velox"), (2, "sanic")])
def test_sigterm_under_load_loses_no_request(start: Start, workers: int, keep_alive: bool, protocol: str) -> None:
    """Every client that was let in gets its answer; later ones are refused; the exit code is 0."""
    server = start("--workers", str(workers), environment={"VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with Traffic(server.port, keep_alive=keep_alive) as traffic:
        server.until(lambda: traffic.answered > ENOUGH)
        assert server.stop() == 0, server.output
    assert traffic.lost == []
    assert (traffic.announced > 0) is keep_alive


@PROTOCOLS
@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "close"])
def test_a_rolling_restart_under_load_loses_and_refuses_no_request(
    start: Start, keep_alive: bool, protocol: str
) -> None:
    """All workers are other processes afterwards, and no client has noticed."""
    server = start("--workers", "2", environment={"VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with Traffic(server.port, keep_alive=keep_alive) as traffic:
        server.until(lambda: traffic.answered > ENOUGH)
        server.process.send_signal(signal.SIGHUP)
        server.until(lambda: "replaced all workers" in server.output)
        seen = traffic.answered
        server.until(lambda: traffic.answered > seen + ENOUGH)
    assert traffic.lost == []
    assert traffic.refused == 0
    assert server.stop() == 0, server.output


@PROTOCOLS
@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_in_flight_finishes_and_its_connection_closes(start: Start, workers: int, protocol: str) -> None:
    """A second of work that began before SIGTERM ends with 200 and ``Connection: close``."""
    server = start("--workers", str(workers), environment={"VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    answers: list[Answer] = []
    with server.connect() as connection:
        request = threading.Thread(target=lambda: answers.append(exchange(connection, SLOW)))
        request.start()
        server.until(lambda: not unread(connection))
        assert server.stop() == 0
        request.join()
    assert answers[0].status == 200
    assert answers[0].headers["connection"].lower() == "close"


def unread(connection: socket.socket) -> bool:
    """Whether the request's bytes still wait in the server's kernel buffer (column rx of /proc/net/tcp)."""
    mine, server = (f":{address[1]:04X}" for address in (connection.getsockname(), connection.getpeername()))
    with Path("/proc/net/tcp").open() as table:
        for line in table:
            columns = line.split()
            if columns[1].endswith(server) and columns[2].endswith(mine):
                return not columns[4].endswith(":00000000")
    return True


@PROTOCOLS
def test_a_request_over_the_grace_period_is_cut(start: Start, protocol: str) -> None:
    """The client sees its connection end, the log says so, and the exit code is 0 all the same."""
    server = start("--workers", "1", environment={"VELOX_GRACE_S": "0.3", "VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with server.connect() as connection:
        connection.sendall(SLOW.replace(b"=1 ", b"=60 "))
        server.until(lambda: not unread(connection))
        assert server.stop() == 0
        with pytest.raises(ConnectionError):
            exchange(connection, b"")
    assert "cut 1 connections that were not done in 0.3 s" in server.output


@PROTOCOLS
def test_it_is_unready_and_says_close_while_it_drains(project: Path, start: Start, protocol: str) -> None:
    """A connection that is kept alive brings one more request, and learns both from its answer."""
    (project / "main.py").write_text(MAIN.read_text().replace("    return app\n", LISTENER))
    server = start("--workers", "1", environment={"VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with server.connect() as connection, server.connect() as other:
        assert exchange(connection, READY).status == 200
        other.sendall(SLOW)
        server.until(lambda: not unread(other))
        server.process.send_signal(signal.SIGTERM)
        server.until(lambda: "leaving" in server.output)
        answer = exchange(connection, READY)
        assert answer.status == 503
        assert json.loads(answer.body)["reasons"] == {"app": "draining"}
        assert answer.headers["connection"].lower() == "close"
        assert connection.recv(1) == b""
        assert exchange(other, b"").status == 200
    assert server.process.wait(10) == 0


@PROTOCOLS
def test_websockets_are_told_that_the_server_goes_away(project: Path, start: Start, protocol: str) -> None:
    """With code 1001, at once: they would never end by themselves."""
    (project / "main.py").write_text(
        MAIN.read_text()
        .replace(
            "    return app\n",
            """
    @app.websocket("/chat")
    async def chat(_request: object, ws: Websocket) -> None:
        while True:
            await ws.send(await ws.recv())

    return app
""",
        )
        .replace("from velox import", "from sanic import Websocket\nfrom velox import")
    )
    server = start("--workers", "1", environment={"VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with connect(f"ws://127.0.0.1:{server.port}/chat") as chat:
        chat.send("hello")
        assert chat.recv() == "hello"
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed):
            chat.recv(timeout=10)
        assert chat.close_code == 1001
        assert server.process.wait(10) == 0
    assert "Traceback" not in server.output


@PROTOCOLS
def test_idle_connections_do_not_hold_it_up(start: Start, protocol: str) -> None:
    """A client that keeps its connection and says nothing is closed on after a moment, not after the grace period."""
    server = start("--workers", "1", environment={"VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with server.connect() as used, server.connect():
        assert exchange(used, READY).status == 200
        assert server.stop() == 0
        assert used.recv(1) == b""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_event_streams_end_when_the_server_leaves(start: Start, workers: str) -> None:
    """Whole, so that the client opens the next one elsewhere at once; nobody waits for the grace period."""
    server = start("--workers", workers)
    server.until_ready()
    with server.connect() as connection:
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: chaos\r\n\r\n")
        received = b""
        while b"data: 3" not in received:
            received += connection.recv(65_536)
        began_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        while piece := connection.recv(65_536):
            received += piece
    assert received.endswith(b"\n\n\r\n0\r\n\r\n")
    assert server.process.wait(10) == 0
    assert time.monotonic() - began_s < 10
    assert "Traceback" not in server.output
