"""The end of a listening socket."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from velox.http.listener import limit_unsent, queued, refuse_new, unread_bytes


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request: pytest.FixtureRequest, require: Callable[[object, str], None]) -> Iterator[socket.socket]:
    """A socket that listens."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listening:
        try:
            listening.bind((request.param, 0))
        except OSError:
            require(False, "IPv6 on this machine")
        listening.listen(10)
        listening.setblocking(False)
        yield listening


def test_what_is_queued_is_taken_over_with_what_it_has_sent(listening: socket.socket) -> None:
    """In the order of coming, and then no more."""
    with socket.create_connection(listening.getsockname()[:2]) as client:
        client.sendall(b"hello")
        (accepted,) = queued(listening)
        with accepted:
            assert not accepted.getblocking()
            accepted.setblocking(True)
            assert accepted.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL) == b"hello"
            assert unread_bytes(accepted.fileno()) == 5
            assert accepted.recv(9) == b"hello"
            assert unread_bytes(accepted.fileno()) == 0
    assert list(queued(listening)) == []


def test_nobody_new_is_let_in_and_nobody_queued_is_lost(
    listening: socket.socket, require: Callable[[object, str], None]
) -> None:
    """Who comes late is refused when the socket closes; who came before is served."""
    require(sys.platform.startswith("linux"), "a socket filter")
    address = listening.getsockname()[:2]
    refused: list[type[OSError]] = []
    with socket.create_connection(address) as early:
        assert refuse_new(listening)
        late = threading.Thread(target=lambda: refused.append(failure(address)))
        late.start()
        early.sendall(b"hello")
        (accepted,) = queued(listening)
        with accepted:
            accepted.setblocking(True)
            assert accepted.recv(5, socket.MSG_WAITALL) == b"hello"
            accepted.sendall(b"done")
            assert early.recv(4, socket.MSG_WAITALL) == b"done"
        listening.close()
        late.join()
    assert refused == [ConnectionRefusedError]


def failure(address: tuple[str, int]) -> type[OSError]:
    """What a client that tries to connect gets."""
    try:
        socket.create_connection(address, timeout=10).close()
    except OSError as error:
        return type(error)
    return OSError


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has another number for it, and no way to ask")
def test_what_the_kernel_keeps_unsent_is_limited_for_every_connection(listening: socket.socket) -> None:
    """An accepted connection has the option of its listening socket."""
    limit_unsent(listening, 100_000)
    with socket.create_connection(listening.getsockname()[:2]):
        (accepted,) = queued(listening)
        with accepted:
            assert 100_000 == accepted.getsockopt(socket.IPPROTO_TCP, 25)
