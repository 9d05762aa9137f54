"""A head that was read before means what it meant: on any connection, after any request, in any pieces."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from velox.http.budgets import Budgets
from velox.http.inbound import Inbound, Seen
from velox.http.refusal import Refusal

HOST = b"Host: a\r\nX-Request-ID: one\r\n"
REQUESTS = (
    b"GET /a?b=c HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /other HTTP/1.1\r\n" + HOST + b"\r\n",
    b"HEAD /a HTTP/1.0\r\n\r\n",
    b"GET http://b/a HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET /a HTTP/1.1\r\n" + HOST + b"Upgrade: other\r\nConnection: Upgrade\r\n\r\n",
    b"GET /a HTTP/1.1\r\n" + HOST + b"Upgrade: other\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /a HTTP/1.1\r\n" + HOST + b"X-Long: " + b"y" * 1500 + b"\r\n\r\n",
    b"GET /a HTTP/1.1\r\n" + HOST + b"Bad : z\r\n\r\n",
    b"GET /a HTTP/1.1\r\n\r\n",
)


def read(inbound: Inbound, body: list[bytes], *pieces: bytes, takes: bool) -> list[object]:
    """What the pieces mean."""
    found: list[object] = []
    try:
        for piece in pieces:
            inbound.buffer += piece
            while True:
                if not inbound.body_done:
                    inbound.read_body()
                if not inbound.body_done or not inbound.buffer:
                    break
                head = inbound.read_head()
                if head is None:
                    break
                found.append((head.method, head.target, head.version, head.fields.items, head.raw, head.stays))
                if takes and head.has_plain_body and (taken := inbound.take_body()) is not None:
                    body.append(taken)
    except Refusal as refusal:
        found.append((refusal.status, refusal.detail))
    return found


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(REQUESTS), max_size=6), min_size=1, max_size=4),
    st.integers(1, 80),
    st.booleans(),
)
def test_what_was_seen_changes_nothing(connections: list[list[bytes]], size: int, takes: bool) -> None:
    """Heads, bodies and refusals are those of connections that know nothing of each other."""
    seen = Seen()
    for requests in connections:
        together = b"".join(requests)
        pieces = [together[at : at + size] for at in range(0, len(together), size)]
        body: list[bytes] = []
        found = read(Inbound(Budgets(), body.append, seen), body, *pieces, takes=takes)
        expected: list[object] = []
        expected_body: list[bytes] = []
        for request in requests:
            fresh = Inbound(Budgets(), expected_body.append)
            meant = read(fresh, expected_body, request, takes=False)
            expected += meant
            if isinstance(meant[-1], tuple) and isinstance(meant[-1][0], int):
                break
        assert expected == found
        assert b"".join(expected_body) == b"".join(body)
