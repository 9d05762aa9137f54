"""Settings that are durations or sizes, and how they are written."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from velox.units import parse_duration, parse_size

__all__ = ["Bytes", "Seconds", "Timeout"]


def _seconds(value: Any) -> Any:
    """``30``, ``"30"`` (the setting's name has the unit) and ``"1h30m"``."""
    if isinstance(value, str) and not _is_number(value):
        return parse_duration(value)
    return value


def _bytes(value: Any) -> Any:
    """``1024``, ``"1024"`` (the setting's name has the unit) and ``"1KiB"``."""
    return parse_size(value) if isinstance(value, str) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
"""A setting's number of seconds; also written ``"30s"`` or ``"1h30m"``."""
Timeout = Annotated[float, BeforeValidator(_seconds), Field(gt=0, allow_inf_nan=False)]
"""The same where 0 makes no sense."""
Bytes = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
"""A setting's number of bytes; also written ``"10MiB"``."""
