"""The load client reads whole answers, and stops when something is wrong with them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from benchmarks.load import Load, exchange

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


@pytest.fixture
def answers() -> list[bytes]:
    """What the server sends, one answer after the other; the last one is repeated."""
    return [ANSWER]


@pytest.fixture
def port(answers: list[bytes]) -> Iterator[int]:
    """Of a server for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(1024):
                    connection.sendall(answers.pop(0) if len(answers) > 1 else answers[0])

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_an_answer_is_read_whole() -> None:
    """An answer that comes in two pieces is one answer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(ANSWER[:30])
        theirs.sendall(ANSWER[30:])
        answer = exchange(ours, REQUEST)
    assert (answer.status, answer.body, answer.size_bytes) == (200, b"ok", len(ANSWER))
    assert answer.headers["content-type"] == "text/plain"


def test_answers_are_counted(port: int) -> None:
    """Every request sent within the time is answered and counted."""
    load = Load(port, REQUEST, connections=1)
    assert load.run(0.05) > 1
    load.close()


@pytest.mark.parametrize("answers", [[ANSWER, ANSWER.replace(b"200", b"500")]])
def test_an_error_is_not_counted(port: int) -> None:
    """A server that starts to answer with errors is not measured any further."""
    load = Load(port, REQUEST, connections=1)
    with pytest.raises(ConnectionError, match="not an answer"):
        load.run(0.05)
    load.close()
