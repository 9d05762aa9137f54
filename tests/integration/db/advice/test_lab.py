"""The lab measures every question with every index, and its report says which is used for what."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from velox._svg import bars
from velox.db.advice.lab import NONE, measure
from velox.db.advice.labreport import page, summary


@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
async def test_each_question_finds_its_index(server: str, url_of: Callable[[str], str]) -> None:
    """By the plans: how fast it was is for the reader to see."""
    found = await measure(3000, None if server == "sqlite" else url_of(server))
    used = {one.name: one.uses for one in found.measurements}
    assert used[NONE] == frozenset()
    assert {"equality"} <= used["B-tree (code)"]
    assert {"sort"} <= used["composite (tag, created_at)"]
    assert "range" in used["B-tree (created_at)"]
    if server == "postgresql":
        assert used["hash (code)"] == {"equality"}
        assert "prefix" in used["B-tree, characters (code)"]
    assert all(one.size_bytes > 0 and one.write_s > 0 for one in found.measurements if one.name != NONE)
    assert len(summary(found)) == 4
    text = page(found)
    assert text.count("<svg") == 5
    assert "Not used for it" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")  # it stands alone


def test_bars_are_a_picture_with_names_and_values() -> None:
    root = ET.fromstring(bars("a < b", [("none", 1000.0), ("B-tree", 2.5)], "µs"))
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    assert texts == ["a < b", "none", "1,000 µs", "B-tree", "2.5 µs"]
    wide, narrow = (
        float(each.get("width", "0")) for each in root.iter() if each.tag.endswith("rect") and each.get("x")
    )
    assert wide > narrow > 0
