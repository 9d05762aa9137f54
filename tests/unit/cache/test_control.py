"""``Cache-Control`` and entity tags."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from velox.cache import cache_control
from velox.cache.stored import is_known


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"public": True, "max_age": "1h"}, "public, max-age=3600"),
        ({"private": True, "no_cache": True}, "private, no-cache"),
        ({"no_store": True}, "no-store"),
        ({"max_age": timedelta(minutes=1), "stale_if_error": "1d"}, "max-age=60, stale-if-error=86400"),
        ({"shared_max_age": 5.9, "stale_while_revalidate": 1}, "s-maxage=5, stale-while-revalidate=1"),
        ({"must_revalidate": True, "immutable": True}, "must-revalidate, immutable"),
        ({}, ""),
    ],
)
def test_directives(options: dict[str, Any], text: str) -> None:
    assert cache_control(**options) == text


@pytest.mark.parametrize(
    "options", [{"public": True, "private": True}, {"no_store": True, "max_age": "1s"}, {"max_age": "soon"}]
)
def test_contradictions(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not both|no age|not a duration"):
        cache_control(**options)


@pytest.mark.parametrize(
    ("condition", "known"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("a", False), ('"a', False)],
)
def test_if_none_match(condition: str, known: bool) -> None:
    assert is_known({"if-none-match": condition}, '"a"') == known
