"""Durations and sizes are read as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from velox.units import format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("7d", 604_800.0),
        ("2w", 1_209_600.0),
        ("1.5s", 1.5),
        (0, 0.0),
        (2.5, 2.5),
        (timedelta(minutes=1), 60.0),
    ],
)
def test_a_duration_becomes_seconds(written: str | float | timedelta, seconds: float) -> None:
    """Units add up; numbers and timedeltas are taken as they are."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "30", "s", "1x", "1h30", "-5s", "5 s x", -1, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(written: str | float) -> None:
    """A string needs a unit, and nothing is negative or endless."""
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("512B", 512), ("64KiB", 65_536), ("10MiB", 10_485_760), ("1gib", 2**30), ("10MB", 10_000_000), ("1.5kB", 1500)],
)
def test_a_size_becomes_bytes(written: str, size_bytes: int) -> None:
    """KiB is 1024 bytes, kB is 1000."""
    assert parse_size(written) == size_bytes


@pytest.mark.parametrize("written", ["", "10", "MiB", "10X", "-1B", "ib", "1ib", -1])
def test_what_is_no_size_is_refused(written: str | int) -> None:
    """A string needs a unit, and nothing is negative."""
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(written)


@pytest.mark.parametrize("text", ["10MiB", "1KiB", "1500B", "3GiB", "0B"])
def test_a_size_is_written_shortly_and_read_back(text: str) -> None:
    """``format_size`` is the inverse of ``parse_size``."""
    assert format_size(parse_size(text)) == text
