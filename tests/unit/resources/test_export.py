"""Cells of a CSV export."""

from __future__ import annotations

from typing import Any

import pytest

from velox.resources.export import cell


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (-1.5, -1.5),
        ("-1.50", "-1.50"),
        ("-1E-7", "-1E-7"),
        ("-1+cmd()", "'-1+cmd()"),
        ("=1", "'=1"),
        (["=1"], '["=1"]'),
    ],
)
def test_cell(value: Any, expected: Any) -> None:
    """Only text that begins a formula is changed; a negative Decimal is a number."""
    assert cell(value) == expected
