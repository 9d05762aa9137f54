"""What RFC 8259 forbids is a 400, what it allows is read, and nothing in a body makes the server fail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from velox import Velox
from velox.testing import TestClient

JSON = {"content-type": "application/json"}

MALFORMED = {
    "nothing but a space": b" ",
    "NaN": b"NaN",
    "NaN inside": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "trailing text": b"{} x",
    "trailing object": b"{}{}",
    "trailing comma in an object": b'{"a": 1,}',
    "trailing comma in a list": b"[1,]",
    "a comment": b"[1] // one",
    "single quotes": b"{'a': 1}",
    "an unquoted name": b"{a: 1}",
    "an open object": b'{"a": 1',
    "an open text": b'"abc',
    "a tab in a text": b'"a\tb"',
    "a line break in a text": b'"a\nb"',
    "a NUL in a text": b'"a\x00b"',
    "an unknown escape": rb'"\x41"',
    "half an escape": rb'"\u00"',
    "a leading zero": b"[01]",
    "a leading plus": b"[+1]",
    "a bare point": b"[.5]",
    "a trailing point": b"[1.]",
    "hexadecimal": b"[0x1]",
    "an empty exponent": b"[1e]",
    "True": b"[True]",
    "a form feed": b"[\x0c1]",
    "bad UTF-8": b'"\xff"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "UTF-8 of a surrogate": b'"\xed\xa0\x80"',
    "UTF-16": '"a"'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a repeated name": b'{"a": 1, "a": 2}',
    "a repeated name, once escaped": rb'{"a": 1, "\u0061": 2}',
    "a repeated name, deep inside": b'[{"x": {"a": 1, "a": 1}}]',
    "a lone high surrogate": rb'"\ud800"',
    "a lone low surrogate": rb'"\udc00"',
    "surrogates in the wrong order": rb'"\udc00\ud800"',
    "lists 100000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects 100000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "open lists 100000 deep": b"[" * 100_000,
}
WELL_FORMED = {
    "space around": b' \t\r\n{"a" : 1}\n',
    "a text": b'"text"',
    "null": b"null",
    "minus zero": b"-0.0",
    "an exponent": b"[1E+2, 1e-2]",
    "an escaped solidus": rb'"\/"',
    "an escaped pair of surrogates": rb'"\ud83d\ude00"',
    "an escaped NUL": rb'"a\u0000b"',
    "a name that is empty": b'{"": 1}',
    "names that only look alike": b'{"a": 1, "A": 2}',
    "DEL in a text": b'"\x7f"',
    "lists 100 deep": b"[" * 100 + b"]" * 100,
}


@pytest.fixture
async def client(make_app: Callable[..., Velox]) -> AsyncIterator[TestClient]:
    app = make_app()

    @app.post("/anything")
    async def anything(body: dict[str, Any] | list[Any] | str | float | None) -> Any:
        return body

    async with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_json_is_a_400(client: TestClient, body: bytes) -> None:
    answer = await client.post("/anything", content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("The body is not valid JSON: ")


@pytest.mark.parametrize("body", WELL_FORMED.values(), ids=WELL_FORMED)
async def test_well_formed_json_is_read_as_it_is(client: TestClient, body: bytes) -> None:
    answer = await client.post("/anything", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(body)


@pytest.mark.parametrize("number", ["9" * 5_000, "1e999", "-1e999", "0." + "1" * 5_000, "1" + "0" * 400 + ".5"])
async def test_a_number_beyond_all_bounds_is_no_error_of_the_server(client: TestClient, number: str) -> None:
    """It is read, or refused as the client's mistake, and the answer is JSON in any case."""
    answer = await client.post("/anything", content=f"[{number}]".encode(), headers=JSON)
    assert answer.status_code in {200, 400, 422}, answer.text
    json.loads(answer.text, parse_constant=pytest.fail)


async def test_no_body_at_all_is_a_missing_field(client: TestClient) -> None:
    answer = await client.post("/anything", headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "", "message": "A JSON body is required", "code": "missing"}]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"],
)
async def test_json_has_several_names(client: TestClient, content_type: str) -> None:
    answer = await client.post("/anything", content=b"{}", headers={"content-type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonp", "json"]
)
async def test_any_other_media_type_is_a_415(client: TestClient, content_type: str) -> None:
    """A form that a browser sends across origins without asking first (CORS) is never taken for JSON."""
    answer = await client.post("/anything", content=b"{}", headers={"content-type": content_type})
    assert answer.status_code == 415
    assert answer.headers["accept"] == "application/json"
