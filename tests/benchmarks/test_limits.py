"""The picture of the guide is what the limiter does."""

from __future__ import annotations

from pathlib import Path

from benchmarks.limits.burst import LIMIT, NAMES, run
from benchmarks.limits.plot import timeline

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "_static" / "limits.svg"


def test_the_picture_is_of_todays_code() -> None:
    assert PICTURE.read_text(encoding="utf-8") == timeline({title: run(name) for name, title in NAMES.items()})


def test_it_shows_what_sets_the_algorithms_apart() -> None:
    most = {name: run(name).most for name in NAMES}
    assert most["sliding"] <= LIMIT.count < most["gcra"] < most["fixed"]
    assert most["fixed"] > 1.8 * LIMIT.count
