"""``Preconditions``: RFC 9110, section 13."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from velox import Preconditions, Velox
from velox.errors import PreconditionFailed, PreconditionRequired
from velox.testing import TestClient

CHANGED = datetime(2026, 1, 1, 12, 0, 0, 999, tzinfo=UTC)
THEN = "Thu, 01 Jan 2026 12:00:00 GMT"
BEFORE = "Thu, 01 Jan 2026 11:59:59 GMT"


@pytest.mark.parametrize(
    ("headers", "etag", "holds"),
    [
        ({}, None, True),
        ({"if-match": '"a"'}, '"a"', True),
        ({"if-match": '"b", "a"'}, '"a"', True),
        ({"if-match": '"b"'}, '"a"', False),
        ({"if-match": "a"}, '"a"', False),
        ({"if-match": 'W/"a"'}, 'W/"a"', False),
        ({"if-match": "*"}, '"a"', True),
        ({"if-match": "*"}, None, False),
        ({"if-unmodified-since": THEN}, None, True),
        ({"if-unmodified-since": BEFORE}, None, False),
        ({"if-unmodified-since": "yesterday"}, None, True),
        ({"if-match": '"a"', "if-unmodified-since": BEFORE}, '"a"', True),
    ],
)
def test_check(headers: dict[str, str], etag: str | None, holds: bool) -> None:
    """If-Match compares strongly and goes before If-Unmodified-Since."""
    conditions = Preconditions(headers)
    if holds:
        conditions.check(etag=etag, last_modified=CHANGED)
    else:
        with pytest.raises(PreconditionFailed):
            conditions.check(etag=etag, last_modified=CHANGED)


@pytest.mark.parametrize(
    ("headers", "etag", "known"),
    [
        ({}, '"a"', False),
        ({"if-none-match": '"b", W/"a"'}, '"a"', True),
        ({"if-none-match": '"b"'}, '"a"', False),
        ({"if-none-match": "*"}, '"a"', True),
        ({"if-none-match": "*"}, None, False),
        ({"if-modified-since": THEN}, '"a"', True),
        ({"if-modified-since": BEFORE}, '"a"', False),
        ({"if-none-match": '"b"', "if-modified-since": THEN}, '"a"', False),
    ],
)
def test_is_known(headers: dict[str, str], etag: str | None, known: bool) -> None:
    """If-None-Match compares weakly and goes before If-Modified-Since."""
    assert Preconditions(headers).is_known(etag=etag, last_modified=CHANGED) == known


def test_dates_that_are_not_known_do_not_count() -> None:
    conditions = Preconditions({"if-unmodified-since": BEFORE, "if-modified-since": THEN})
    conditions.check(etag=None)
    assert not conditions.is_known(etag=None)


def test_require() -> None:
    Preconditions({"if-match": '"a"'}).require()
    Preconditions({"if-unmodified-since": THEN}).require()
    with pytest.raises(PreconditionRequired):
        Preconditions({"if-none-match": "*"}).require()


async def test_a_handler_asks_for_them(make_app: Callable[..., Velox]) -> None:
    """They come by type, and the document has the header fields and the 412."""
    app = make_app()

    @app.put("/note")
    async def replace(conditions: Preconditions) -> dict[str, bool]:
        conditions.check(etag='"1"')
        return {"done": True}

    async with TestClient(app) as client:
        assert (await client.put("/note", headers={"If-Match": '"2"'})).status_code == 412
        assert (await client.put("/note", headers={"If-Match": '"1"'})).json() == {"done": True}
    operation = app.openapi()["paths"]["/note"]["put"]
    assert "412" in operation["responses"]
    assert "if-match" in {each["name"] for each in operation["parameters"]}
