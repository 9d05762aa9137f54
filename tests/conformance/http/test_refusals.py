"""After a refusal the connection is closed, and nothing that was sent behind it is read as a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.http.case import Case, cases
from tests.conformance.http.exchange import exchange, reached
from tests.conformance.http.runner import after
from tests.conformance.http.server import Server
from tests.conformance.http.wire import Way

REFUSED = [case for case in cases() if case.reject and not (case.accept or case.ends or case.may_stay)]
SHORT = [case for case in REFUSED if len(case.send) < 1000]
NUMBERS = count()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


def good(path: str, framing: int) -> bytes:
    """A request for ``path``: without body, with a length, or in chunks."""
    head = f" {path} HTTP/1.1\r\nHost: example.com\r\n".encode()
    if framing == 0:
        return b"GET" + head + b"\r\n"
    if framing == 1:
        return b"POST" + head + b"Content-Length: 5\r\n\r\nhello"
    return b"PUT" + head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


async def test_no_app_is_called_for_what_follows_a_refused_request(server: Server) -> None:
    """For each refused case: one answer, the refusal, and the app never hears of the request behind it."""
    await reached(server.port)
    answers = await asyncio.gather(*(exchange(server.port, case.send + after()[1]) for case in REFUSED))
    more = {case.id: len(got) for case, got in zip(REFUSED, answers, strict=True) if len(got) != 1}
    assert ({}, []) == (more, await reached(server.port))


@settings(max_examples=150, deadline=None)
@given(
    framings=st.lists(st.integers(0, 2), max_size=5),
    refused=st.none() | st.sampled_from(SHORT),
    behind=st.lists(st.integers(0, 2), max_size=3),
    way=st.sampled_from([Way.WHOLE, Way.BYTES, Way.SPLIT]),
)
def test_any_conversation_is_answered_up_to_its_first_refusal(
    server: Server, runner: asyncio.Runner, framings: list[int], refused: Case | None, behind: list[int], way: Way
) -> None:
    """Good requests, perhaps a malformed one, more good ones: the app sees those before, in order, and no other."""
    paths = [f"/after/said-{next(NUMBERS)}" for _ in (*framings, *behind)]
    requests = [good(path, framing) for path, framing in zip(paths, (*framings, *behind), strict=True)]
    if refused is not None:
        requests.insert(len(framings), refused.send)
    expected = paths if refused is None else paths[: len(framings)]

    answers = runner.run(exchange(server.port, b"".join(requests), way))

    served = answers if refused is None else answers[:-1]
    assert expected == [answer.json()["path"] for answer in served]
    assert refused is None or answers[-1].status in refused.reject
    assert expected == [path for path in runner.run(reached(server.port)) if "said" in path]
