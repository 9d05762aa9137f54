"""Files on a real socket, under Velox's protocol and under Sanic's."""

from __future__ import annotations

import asyncio
import socket
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.integration.http.front.conftest import Answer, Server, Start

HELLO, BIG = b"hello world", bytes(range(256)) * 20_000
MODIFIED_S = 1_700_000_000
MODIFIED = formatdate(MODIFIED_S, usegmt=True)
READERS, GROWTH_BYTES = 40, 40 * 2**20


@pytest.fixture(scope="module", params=["velox", "sanic"])
def server(request: pytest.FixtureRequest, start: Start, folder: Path) -> Server:
    return start(request.param, folder)


def field(answer: Answer, name: str) -> str:
    (value,) = answer.all(name)
    return value


@pytest.mark.parametrize(
    ("target", "content_type", "body"),
    [
        ("/static/hello.txt", "text/plain; charset=utf-8", HELLO),
        ("/static/sub/a%20b.css", "text/css; charset=utf-8", b"a{}"),
        ("/static/link.txt", "text/plain; charset=utf-8", HELLO),
        ("/static/empty.bin", "application/octet-stream", b""),
        ("/static/archive.tar.gz", "application/gzip", b"z"),
        ("/static/%252e%252e", "application/octet-stream", b"dots"),
        ("/static/big.bin", "application/octet-stream", BIG),
        ("/one.txt", "text/plain; charset=utf-8", HELLO),
        ("/static/", "text/html; charset=utf-8", b"<h1>home</h1>"),
        ("/bare/hello.txt?v=2", "text/plain; charset=utf-8", HELLO),
    ],
)
def test_a_file_is_sent_with_its_type_length_and_validators(
    server: Server, target: str, content_type: str, body: bytes
) -> None:
    answer, head = server.get(target), server.get(target, method="HEAD")

    assert (200, 200) == (answer.status, head.status)
    assert body == answer.body
    assert head.body == b""
    for one in (answer, head):
        assert content_type == field(one, "content-type")
        assert str(len(body)) == field(one, "content-length")
        assert MODIFIED == field(one, "last-modified")
        assert field(one, "accept-ranges") == "bytes"
        assert field(one, "etag").startswith('"')


@pytest.mark.parametrize(
    "path",
    [
        "missing",
        "sub",
        "sub/",
        "leak",
        "up",
        "up/secret",
        "pipe",
        "../secret",
        "../../../../etc/passwd",
        "%2e%2e/secret",
        "%2e%2e%2fsecret",
        "%252e%252e/secret",
        "..%5csecret",
        "..%255c..%255csecret",
        "%c0%ae%c0%ae/secret",
        "....//secret",
        "..;/secret",
        "/etc/passwd",
        "%2fetc/passwd",
        "//etc/passwd",
        "hello.txt%00",
        "%00",
        "%ff%fe",
        "%",
        "%zz",
        "hello.txt/below",
        "a" * 3000,
        "a/" * 1500,
        "%61" * 300,
        "sub/../../secret",
    ],
)
@pytest.mark.parametrize("mount", ["static", "bare"])
def test_what_is_not_below_the_folder_is_a_404_problem(server: Server, mount: str, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = server.get(f"/{mount}/{path}", method=method)

        assert answer.status == 404
        assert ["application/problem+json"] == answer.all("content-type")
        assert b"secret" not in answer.body.replace(path.encode(), b"")


def test_a_folder_without_an_index_is_a_404(server: Server) -> None:
    for target in ("/bare", "/bare/"):
        assert server.get(target).status == 404


def test_other_methods_are_a_405(server: Server) -> None:
    answer = server.get("/static/hello.txt", "Content-Length: 0", method="POST")

    assert answer.status == 405
    assert {"GET", "HEAD"} == set(field(answer, "allow").split(", "))


@pytest.mark.parametrize(
    ("wanted", "content_range", "body"),
    [
        ("bytes=0-4", "bytes 0-4/11", b"hello"),
        ("bytes=6-", "bytes 6-10/11", b"world"),
        ("bytes=-5", "bytes 6-10/11", b"world"),
        ("bytes=-500", "bytes 0-10/11", HELLO),
        ("bytes=10-500", "bytes 10-10/11", b"d"),
    ],
)
def test_a_range_is_a_206(server: Server, wanted: str, content_range: str, body: bytes) -> None:
    answer = server.get("/static/hello.txt", f"Range: {wanted}")

    assert answer.status == 206
    assert content_range == field(answer, "content-range")
    assert str(len(body)) == field(answer, "content-length")
    assert body == answer.body


@pytest.mark.parametrize(
    "wanted", ["bytes=0-1,3-4", "bytes=4-2", "bytes=x", "lines=0-1", "bytes=" + "0-," * 500 + "0-"]
)
def test_several_ranges_and_what_is_none_get_the_whole(server: Server, wanted: str) -> None:
    answer = server.get("/static/hello.txt", f"Range: {wanted}")

    assert (200, HELLO) == (answer.status, answer.body)
    assert [] == answer.all("content-range")


@pytest.mark.parametrize(("name", "wanted", "size"), [("hello.txt", "bytes=11-", 11), ("empty.bin", "bytes=0-", 0)])
def test_a_range_beyond_the_end_is_a_416(server: Server, name: str, wanted: str, size: int) -> None:
    answer = server.get(f"/static/{name}", f"Range: {wanted}")

    assert answer.status == 416
    assert f"bytes */{size}" == field(answer, "content-range")


def test_a_range_is_for_get_only(server: Server) -> None:
    answer = server.get("/static/hello.txt", "Range: bytes=0-1", method="HEAD")

    assert (200, "11") == (answer.status, field(answer, "content-length"))


def test_a_range_of_a_large_file_is_streamed(server: Server) -> None:
    answer = server.get("/static/big.bin", "Range: bytes=1000-3000999")

    assert (206, "3000000") == (answer.status, field(answer, "content-length"))
    assert BIG[1000:3_001_000] == answer.body


def test_a_client_that_has_the_file_gets_a_304_without_a_body(server: Server) -> None:
    etag = field(server.get("/static/hello.txt"), "etag")

    for condition in (f"If-None-Match: {etag}", f'If-None-Match: "x", W/{etag}', f"If-Modified-Since: {MODIFIED}"):
        for method in ("GET", "HEAD"):
            answer = server.get("/static/hello.txt", condition, "Range: bytes=0-1", method=method)
            assert (304, b"") == (answer.status, answer.body)
            assert etag == field(answer, "etag")
            assert [] == answer.all("content-type")


def test_a_client_that_has_another_version_gets_the_file(server: Server) -> None:
    earlier = formatdate(MODIFIED_S - 1, usegmt=True)

    for condition in ('If-None-Match: "x"', f"If-Modified-Since: {earlier}", "If-Modified-Since: never"):
        assert server.get("/static/hello.txt", condition).status == 200


def test_a_client_that_insists_on_another_version_gets_a_412(server: Server) -> None:
    earlier = formatdate(MODIFIED_S - 1, usegmt=True)

    for condition in ('If-Match: "x"', f"If-Unmodified-Since: {earlier}"):
        answer = server.get("/static/hello.txt", condition)
        assert (412, ["application/problem+json"]) == (answer.status, answer.all("content-type"))


def test_a_part_is_sent_only_of_the_version_that_the_client_has(server: Server) -> None:
    etag = field(server.get("/static/hello.txt"), "etag")

    for condition, status in ((etag, 206), (MODIFIED, 206), ('"x"', 200), (f"W/{etag}", 200)):
        assert status == server.get("/static/hello.txt", "Range: bytes=0-1", f"If-Range: {condition}").status


def test_a_file_that_was_written_just_now_has_a_weak_tag(server: Server, folder: Path) -> None:
    (folder / "fresh.txt").write_text("fresh")

    assert field(server.get("/static/fresh.txt"), "etag").startswith('W/"')


def test_a_file_that_changes_is_sent_anew(server: Server, folder: Path) -> None:
    path = folder / "changing.txt"
    path.write_text("one")
    etag = field(server.get("/static/changing.txt"), "etag")
    path.write_text("other")

    answer = server.get("/static/changing.txt", f"If-None-Match: {etag}")

    assert (200, b"other") == (answer.status, answer.body)


def test_slow_readers_cost_little_memory_and_delay_nobody(server: Server) -> None:
    """40 clients ask for 5 MB each and read none of it; whole files in memory would be 200 MB."""
    server.get("/static/big.bin")
    before_bytes = server.memory_bytes()
    slow = [server.connect() for _ in range(READERS)]
    try:
        for connection in slow:
            connection.sendall(b"GET /static/big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(15, socket.MSG_WAITALL) == b"HTTP/1.1 200 OK"
        begun_s = time.monotonic()
        assert server.get("/static/hello.txt").status == 200
        assert time.monotonic() - begun_s < 2
        assert server.memory_bytes() - before_bytes < GROWTH_BYTES
    finally:
        for connection in slow:
            connection.close()
    assert BIG == server.get("/static/big.bin").body


def test_many_files_at_once(server: Server) -> None:
    async def fetch() -> list[Answer]:
        return await asyncio.gather(*(asyncio.to_thread(server.get, "/static/big.bin") for _ in range(8)))

    assert [BIG] * 8 == [answer.body for answer in asyncio.run(fetch())]
