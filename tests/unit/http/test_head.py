"""The rules of a head that llhttp leaves open."""

from __future__ import annotations

import pytest

from velox.http.head import Fields, check_fields, parse_fields, parse_line
from velox.http.refusal import Refusal

HOST = b"Host: a\r\n\r\n"


def checked(block: bytes, line: bytes = b"GET / HTTP/1.1") -> Fields:
    fields = parse_fields(block, 100)
    check_fields(fields, parse_line(line + b"\r\n")[0])
    return fields


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET /a?b=%20&c=[]|{} HTTP/1.1", b"/a?b=%20&c=[]|{}"),
        (b"GET //a HTTP/1.1", b"//a"),
        (b"OPTIONS * HTTP/1.1", b"*"),
        (b"GET http://a HTTP/1.1", b"/"),
        (b"GET HTTP://a:80?b HTTP/1.0", b"/?b"),
        (b"M-SEARCH /a HTTP/1.1", b"/a"),
        (b"GET /a#b HTTP/1.1", None),
        (b"GET  /a HTTP/1.1", None),
        (b"GET /a HTTP/1.1 ", None),
        (b"GET /a HTTP/1.2", None),
        (b"GET http://u@a/ HTTP/1.1", None),
        (b"GET ftp://a/ HTTP/1.1", None),
        (b"GET http:///a HTTP/1.1", None),
        (b"CONNECT a:443 HTTP/1.1", None),
        (b"CONNECT http://a/ HTTP/1.1", None),
        (b"get / HTTP/1.1", None),
    ],
)
def test_request_lines(line: bytes, target: bytes | None) -> None:
    """RFC 9112, sections 3 and 3.2."""
    if target is None:
        with pytest.raises(Refusal):
            parse_line(line + b"\r\n")
    else:
        assert target == parse_line(line + b"\r\n")[0].target


@pytest.mark.parametrize(
    "host",
    [b"a", b"a.b:80", b"127.0.0.1:8000", b"[::1]", b"[::1]:80", b"a%20b", b"a_b"],
)
def test_hosts_that_are_well_formed(host: bytes) -> None:
    """RFC 3986, section 3.2.2."""
    assert [host] == checked(b"Host: " + host + b"\r\n\r\n").hosts


@pytest.mark.parametrize(
    "host",
    [b"", b"a b", b"a,b/", b"u@a", b"a:b", b"a:123456", b"a:65536", b"::1", b"[::1", b"a/..", b"a?", b"\xe9"],
)
def test_hosts_that_are_not(host: bytes) -> None:
    """They decide nothing, and are never echoed."""
    with pytest.raises(Refusal):
        checked(b"Host: " + host + b"\r\n\r\n")


def test_what_concerns_the_connection_is_read() -> None:
    """Names in any case, values without the space around them."""
    block = b"HOST:\t a \r\nContent-Length: 007\r\nconnection: Foo , CLOSE\r\nExpect: 100-Continue\r\n"
    fields = checked(block + b"Upgrade: WebSocket\r\nContent-Encoding: identity\r\n\r\n")
    assert (7, True, False, "100-continue", True, "") == (
        fields.length,
        fields.close,
        fields.keep_alive,
        fields.expect,
        fields.websocket,
        fields.coding,
    )
    assert ("host", "a") == fields.items[0]


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Length: ",
        b"Content-Length: -1",
        b"Content-Length: 1,1",
        b"Content-Length: 0x1",
        b"Content-Length: " + b"1" * 20,
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 1",
        b"Content-Length: 1\r\nContent-Length: 1",
        b"X : y",
        b" X: y",
        b"X",
        b"X\xe9: y",
        b": y",
        b"X: a\x7f",
        b"X: a\x0bb",
    ],
)
def test_fields_that_are_refused(field: bytes) -> None:
    """Whatever llhttp thinks of them."""
    with pytest.raises(Refusal) as caught:
        checked(field + b"\r\n" + HOST)
    assert 400 == caught.value.status


def test_bytes_that_are_no_text_survive() -> None:
    """A value may have any byte from 0x80 on (obs-text, RFC 9110, section 5.5)."""
    fields = checked(b"X: \xff\r\nY: \xc3\xa9\r\n" + HOST)
    assert b"\xff" == fields.items[0][1].encode(errors="surrogateescape")
    assert "\xe9" == fields.items[1][1]
