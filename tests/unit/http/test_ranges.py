"""Ranges of bytes (RFC 9110, section 14)."""

from __future__ import annotations

import pytest

from velox.http.ranges import Part, Unsatisfiable, wanted_part


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=2-4", 2, 4),
        ("bytes=2-", 2, 9),
        ("bytes=2-99", 2, 9),
        ("bytes=-3", 7, 9),
        ("bytes=-99", 0, 9),
        ("BYTES= 1-2 ", 1, 2),
        ("bytes=9-9", 9, 9),
    ],
)
def test_one_range_is_a_part(value: str, first: int, last: int) -> None:
    part = wanted_part(value, 10)

    assert Part(first, last, 10) == part
    assert part is not None
    assert f"bytes {first}-{last}/10" == part.content_range
    assert last - first + 1 == part.size


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=4-2",
        "bytes=1-2,4-5",
        "bytes=0-,0-,0-",
        "lines=1-2",
        "bytes=\u0661-\u0662",
        "bytes=+1-2",
        "bytes=1--2",
        "bytes=-" + "9" * 5000,
    ],
)
def test_what_is_not_one_range_of_bytes_is_ignored(value: str) -> None:
    assert wanted_part(value, 10) is None


@pytest.mark.parametrize(
    ("value", "total"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_that_is_not_there_cannot_be_satisfied(value: str, total: int) -> None:
    with pytest.raises(Unsatisfiable):
        wanted_part(value, total)


def test_the_last_bytes_of_nothing_are_the_whole() -> None:
    assert wanted_part("bytes=-5", 0) is None
