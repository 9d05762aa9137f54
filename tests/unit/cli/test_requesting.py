"""What is a request, and what is SQL."""

from __future__ import annotations

import pytest

from velox.cli.requesting import Request
from velox.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("GET /links?tag=x", ("GET", "/links?tag=x")), ("/links", ("GET", "/links")), ("DELETE /a/1", ("DELETE", "/a/1"))],
)
def test_a_request_has_a_path(text: str, expected: tuple[str, str]) -> None:
    request = Request.parse(text)
    assert request is not None
    assert expected == (request.method, request.target)


@pytest.mark.parametrize("text", ["SELECT 1", "DELETE FROM link", "select '/a' from b"])
def test_sql_is_none(text: str) -> None:
    assert Request.parse(text) is None


def test_a_body_is_posted() -> None:
    request = Request.parse("/links", ["X-A: b:c"], "{}")
    assert request is not None
    assert (request.method, request.headers, request.safe) == ("POST", (("X-A", "b:c"),), False)


def test_a_header_without_a_colon_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="VX106"):
        Request.parse("/links", ["nonsense"])
