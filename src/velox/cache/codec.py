"""Values as JSON and back, typed; never pickle, whose reader does what its writer wants."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

__all__ = ["decoder", "encode"]

RAW = b"\0"
"""Before bytes that are stored as they are: no JSON begins like this."""


def encode(value: Any) -> bytes:
    """``value`` as bytes.

    Raises:
        PydanticSerializationError: There is no JSON for it.
    """
    return RAW + value if isinstance(value, bytes) else to_json(value)


@lru_cache(1024)
def decoder(kind: Any) -> Callable[[bytes], Any]:
    """The function from bytes to a value of type ``kind``; it raises ``ValueError`` for what is none.

    Raises:
        TypeError: There is a table class in ``kind``.
    """
    if table := table_in(kind):
        raise TypeError(f"{table} is a table, whose values nobody checks when they are read back: use Public[{table}]")
    if kind is bytes:
        return lambda payload: payload[1:]
    if kind is Any:
        return lambda payload: payload[1:] if payload.startswith(RAW) else from_json(payload)
    return TypeAdapter(kind).validate_json


def table_in(kind: Any) -> str | None:
    """The name of a table class in ``kind``."""
    if isinstance(kind, type) and getattr(kind, "model_config", {}).get("table"):
        return kind.__name__
    return next((found for each in get_args(kind) if (found := table_in(each))), None)
