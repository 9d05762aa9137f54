"""A JSON response is what Sanic would have made, only sooner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sanic.response import BaseHTTPResponse, HTTPResponse

from velox.routing.response import JsonResponse


def pair() -> tuple[HTTPResponse, HTTPResponse]:
    return JsonResponse(b"[1]", 201), HTTPResponse(b"[1]", 201, content_type="application/json")


def test_it_has_what_sanics_initialiser_sets() -> None:
    """Every attribute has the same value."""
    ours, sanics = pair()
    names = BaseHTTPResponse.__slots__
    assert {name: getattr(ours, name) for name in names} == {name: getattr(sanics, name) for name in names}


def usual(response: HTTPResponse) -> None:
    response.headers["content-length"] = 3  # an int, as Sanic sets it
    response.headers["connection"] = "keep-alive"


def closing(response: HTTPResponse) -> None:
    usual(response)
    response.headers["connection"] = "close"


def another_type(response: HTTPResponse) -> None:
    usual(response)
    response.content_type = "application/hal+json"


def another_header(response: HTTPResponse) -> None:
    usual(response)
    response.headers["x-note"] = "one\r\nSet-Cookie: two"


def typed_by_header(response: HTTPResponse) -> None:
    usual(response)
    response.headers["content-type"] = "application/hal+json"


def own_length(response: HTTPResponse) -> None:
    usual(response)
    response.headers["content-length"] = "3\r\nSet-Cookie: two"


def upgrading(response: HTTPResponse) -> None:
    usual(response)
    response.headers["connection"] = "upgrade\r\nSet-Cookie: two"


def without_body(response: HTTPResponse) -> None:
    response.status = 204
    response.headers["connection"] = "keep-alive"


def with_cookie(response: HTTPResponse) -> None:
    usual(response)
    response.add_cookie("a", "b")


@pytest.mark.parametrize(
    "change",
    [
        usual,
        closing,
        another_type,
        another_header,
        typed_by_header,
        own_length,
        upgrading,
        without_body,
        with_cookie,
        lambda response: None,
    ],
)
def test_its_headers_are_sanics(change: Callable[[Any], None]) -> None:
    """In the same order, and cleaned of line breaks, whatever was done to the response."""
    ours, sanics = pair()
    change(ours)
    change(sanics)
    written = list(ours.processed_headers)
    assert written == list(sanics.processed_headers)
    assert not any(b"\n" in value for _, value in written)
