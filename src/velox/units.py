"""Durations and sizes as people write them: ``"1h30m"`` and ``"10MiB"``."""

from __future__ import annotations

import re
from datetime import timedelta

__all__ = ["format_size", "parse_duration", "parse_size"]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
# IEC 80000-13 binary prefixes and SI decimal ones: 1 KiB is 1024 bytes, 1 kB is 1000.
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b)", re.IGNORECASE)


def parse_duration(value: str | float | timedelta) -> float:
    """Seconds of a duration.

    Args:
        value: ``"500ms"``, ``"30s"``, ``"5m"``, ``"1h30m"``, ``"7d"``, ``"2w"``; a ``timedelta``; or seconds.
            A string needs a unit, so that nobody has to guess what ``"30"`` means.

    Raises:
        ValueError: It is not a duration, or it is negative or not finite.

    >>> parse_duration("1h30m")
    5400.0
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        text = value.strip().lower().replace(" ", "")
        parts = _DURATION_PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise ValueError(f"{value!r} is not a duration such as '30s', '5m' or '1h30m'")
        return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))
    if not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is not a duration: it has to be zero or more, and finite")
    return float(value)


def parse_size(value: str | int) -> int:
    """Bytes of a size.

    Args:
        value: ``"512B"``, ``"64KiB"``, ``"10MiB"``, ``"1GiB"`` (powers of 1024), ``"10MB"`` (powers of 1000), or
            a number of bytes. A string needs a unit. A fraction of a byte is rounded down.

    Raises:
        ValueError: It is not a size, or it is negative.

    >>> parse_size("10MiB")
    10485760
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None or match[2].lower() not in _BYTES:
            raise ValueError(f"{value!r} is not a size such as '512B', '64KiB' or '10MiB'")
        return int(float(match[1]) * _BYTES[match[2].lower()])
    if value < 0:
        raise ValueError(f"{value!r} is not a size: it has to be zero or more")
    return value


def format_size(size_bytes: int) -> str:
    """The shortest exact way to write a number of bytes: ``"10MiB"``, ``"1500B"``."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        factor = _BYTES[unit.lower()]
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return f"{size_bytes}B"
