"""``HeadWriter``: answers as bytes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from sanic.response import HTTPResponse

from velox.http.prepared import PreparedResponse
from velox.http.response import CHUNKED, CLOSE, HeadWriter, is_status


def lines(answer: bytes) -> list[bytes]:
    return answer.partition(b"\r\n\r\n")[0].split(b"\r\n")


def whole(response: HTTPResponse, **options: Any) -> bytes:
    given = {"connection": b"", "head_only": False, **options}
    return HeadWriter(None).whole(response, response.body or b"", **given)


def test_an_answer_is_status_type_length_and_date() -> None:
    """In one piece, and in this order."""
    first, kind, length, date = lines(whole(HTTPResponse(b"{}", content_type="application/json")))
    assert [b"HTTP/1.1 200 OK", b"Content-Type: application/json", b"Content-Length: 2"] == [first, kind, length]
    assert date.startswith(b"Date: ")
    assert date.endswith(b" GMT")


def test_the_wires_own_fields_are_not_the_handlers() -> None:
    """What a handler says of the framing is not sent, so it can never be wrong."""
    headers = {"Content-Length": "99", "Transfer-Encoding": "chunked", "Connection": "upgrade", "Date": "now", "X": "y"}
    found = lines(whole(HTTPResponse(b"body", headers=headers)))
    assert [b"HTTP/1.1 200 OK", b"Content-Length: 4", b"X: y"] == [line for line in found if b"Date" not in line]


def test_a_handlers_content_type_header_counts() -> None:
    """It is sent once."""
    response = HTTPResponse(b"", headers={"Content-Type": "image/png"}, content_type="text/plain")
    assert 1 == whole(response).lower().count(b"content-type")
    assert b"\r\nContent-Type: image/png\r\n" in whole(response)


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body(status: int) -> None:
    """Nor do they say how long it would be (RFC 9110, section 8.6)."""
    answer = whole(HTTPResponse(b"body", status, content_type="text/plain"))
    assert answer.endswith(b"\r\n\r\n")
    assert b"content-" not in answer.lower()


def test_head_says_what_get_would() -> None:
    """The length that the handler declares counts where it made no body."""
    assert b"\r\nContent-Length: 4\r\n" in whole(HTTPResponse(b"body"), head_only=True)
    declared = HTTPResponse(b"", headers={"Content-Length": "1000"})
    assert b"\r\nContent-Length: 1000\r\n" in whole(declared, head_only=True)
    assert whole(HTTPResponse(b"body"), head_only=True).endswith(b"\r\n\r\n")


def test_names_and_values_hold_no_line_ends() -> None:
    """Neither CR nor LF nor NUL (RFC 9110, section 5.5)."""
    answer = whole(HTTPResponse(b"", headers={"X\r\nA": "b\r\nC: d\0"}))
    assert b"\r\nXA: bC: d\r\n" in answer


def test_a_status_of_ones_own_has_no_reason() -> None:
    """The space before it stays (RFC 9112, section 4)."""
    assert b"HTTP/1.1 799 " == lines(whole(HTTPResponse(b"", 799)))[0]


def test_the_server_field_is_a_choice() -> None:
    """None sends none."""
    assert b"Server: velox" in HeadWriter().refresh()
    assert b"Server" not in HeadWriter(None).refresh()


def test_an_opening_has_the_framing_that_it_is_given() -> None:
    """And a content type only if there is one."""
    answer = HeadWriter(None).opening(HTTPResponse(headers={"X": "y"}), connection=CLOSE, framing=CHUNKED)
    found = [line for line in lines(answer) if not line.startswith(b"Date")]
    assert [b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", b"Connection: close", b"X: y"] == found


@pytest.mark.parametrize("headers", [{}, {"X-Own": "a\r\nb"}, {"X-Own": "é"}, {"X-Own": 7}])
def test_a_quick_answer_is_the_same_answer(headers: dict[str, Any]) -> None:
    """Once an answer of its kind has been made at length."""
    heads = HeadWriter("velox")
    response = HTTPResponse(b"body", 201, headers=headers, content_type="text/plain")
    assert heads.quick(response, b"body", b"X-Usual: yes\r\n") is None
    long = heads.whole(response, b"body", connection=b"X-Usual: yes\r\n", head_only=False)
    quick = heads.quick(response, b"body", b"X-Usual: yes\r\n", b"X-Line: one\r\n")
    assert quick is not None
    assert sorted([*lines(long), b"X-Line: one"]) == sorted(lines(quick))
    assert quick.endswith(b"\r\n\r\nbody")


@pytest.mark.parametrize("name", ["Content-Type", "Connection", "content-length", "X-Frame-Options", "X-Request-ID"])
def test_fields_that_decide_about_others_are_not_quick(name: str) -> None:
    """The long way knows what to do with them."""
    heads = HeadWriter(None)
    heads.whole(HTTPResponse(b""), b"", connection=b"", head_only=False)
    assert heads.quick(HTTPResponse(b""), b"", b"") is not None
    assert heads.quick(HTTPResponse(b"", headers={name: "x"}), b"", b"") is None


def test_answers_without_a_body_are_not_quick() -> None:
    """Whatever was remembered of others."""
    heads = HeadWriter(None)
    for status in (204, 304):
        heads.whole(HTTPResponse(b"", status), b"", connection=b"", head_only=False)
        assert heads.quick(HTTPResponse(b"", status), b"", b"") is None


def test_a_status_may_be_a_member_of_an_enumeration() -> None:
    """As the standard library has them."""
    assert is_status(HTTPStatus.OK)
    assert not is_status(True)
    assert not is_status("200")
    assert whole(HTTPResponse(b"", HTTPStatus.CREATED)).startswith(b"HTTP/1.1 201 Created\r\n")


def test_the_quick_way_sends_prepared_lines_as_they_are() -> None:
    """To look at its headers would make them anew, and send it the long way ever after."""
    writer, made = HeadWriter(None), HTTPResponse(b"body", content_type="text/plain")
    writer.whole(made, b"body", connection=b"", head_only=False)
    prepared = PreparedResponse(b"body", 200, "text/plain", {"ETag": '"1"'}, b'ETag: "1"\r\n')
    answer = writer.quick(prepared, b"body", b"")
    assert answer is not None
    assert b'\r\nETag: "1"\r\n' in answer
    assert prepared.lines is not None
