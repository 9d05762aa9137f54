"""The instruments themselves: the notation, the parser of answers, and the page that is written from the verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conformance.http.answer import MalformedAnswer, read_answer
from tests.conformance.http.case import cases, load
from tests.conformance.http.notation import to_bytes, to_text
from tests.conformance.http.report import page
from tests.conformance.http.runner import Verdict
from tests.conformance.http.server import ROOT
from tests.conformance.http.wire import Way


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("a\nb", b"a\r\nb"),
        ("a\\\nb", b"ab"),
        (r"\r\n\0\t\\", b"\r\n\0\t\\"),
        (r"\xff", b"\xff"),
        ("é", b"\xc3\xa9"),
        (r"{3*ab}", b"ababab"),
        (r"{2*\r\n}", b"\r\n\r\n"),
        (r"{2*\}}", b"}}"),
        ('{"a": {}}', b'{"a": {}}'),
        (r"\{2*a\}", b"{2*a}"),
    ],
)
def test_the_notation_stands_for_bytes(text: str, wire: bytes) -> None:
    assert wire == to_bytes(text)


@pytest.mark.parametrize("text", [r"\q", "\\", "a\rb", "\0"])
def test_what_the_notation_does_not_know_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"escape|cannot read"):
        to_bytes(text)


def test_bytes_are_shown_on_one_line() -> None:
    assert r"a\r\n\0\xff" == to_text(b"a\r\n\0\xff")
    assert "aa … (5 bytes)" == to_text(b"a" * 5, limit=2)


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\nb\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
    ],
)
async def test_a_malformed_answer_is_found(wire: bytes) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(wire)
    stream.feed_eof()
    with pytest.raises(MalformedAnswer):
        await read_answer(stream, "GET")


async def test_answers_are_read_one_after_the_other() -> None:
    """With a length, in chunks, without body, to HEAD, and after an interim one."""
    stream = asyncio.StreamReader()
    stream.feed_data(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: a\r\nx: b\r\n\r\na"
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"
        b"HTTP/1.1 204 No Content\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
    )
    stream.feed_eof()
    answers = [await read_answer(stream, method) for method in ("GET", "POST", "DELETE", "HEAD")]
    found = [(answer.status, answer.body, answer.interim) for answer in answers if answer]
    assert [(200, b"a", ()), (200, b"b", (100,)), (204, b"", ()), (200, b"", ())] == found
    assert answers[0] is not None
    assert "a, b" == answers[0].fields["x"]
    assert await read_answer(stream, "GET") is None


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000, 5000])
def test_pieces_are_the_whole(way: Way, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    pieces = way.pieces(data)
    assert data == b"".join(pieces)
    assert len(pieces) <= 1024


@pytest.mark.parametrize("text", ['id = "X"\nsend = ""\nreject = [400]', 'id = "x"\nsend = ""'])
def test_a_case_without_name_or_expectation_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "subject.toml"
    file.write_text(f'[[case]]\nrfc = "9112 §1"\nwhy = "because"\n{text}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"identifier|nothing"):
        list(load(file))


def test_the_page_counts_what_was_judged() -> None:
    """A server that is wrong once has one case less than there are, and the case is in the last table."""
    chosen = next(case for case in cases() if not case.choice)
    right: Mapping[str, Verdict] = {case.id: Verdict.OK for case in cases()}
    text = page(cases(), {"Good": right, "Bad": {**right, chosen.id: Verdict.EXTRA_ANSWER}})
    total = sum(not case.choice for case in cases())
    assert f"| all | {total} | {total} | {total - 1} |" in text
    assert "| extra answer |  | 1 |" in text
    assert chosen.why in text


def test_the_published_page_is_of_these_cases() -> None:
    """Whoever adds a case runs the comparison again."""
    text = (ROOT / "docs" / "reference" / "conformance.md").read_text(encoding="utf-8")
    assert f"\n{len(cases())} cases of HTTP/1.1" in text
