"""``Json``: an answer that is JSON already."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

__all__ = ["Json"]

T_co = TypeVar("T_co", covariant=True)


class Json(bytes, Generic[T_co]):
    """``Json[list[Public[Link]]]``: JSON of that type, as ``Reader.json`` makes it; a handler's return annotation.

    It is sent as it is, and documented as what it holds.
    """

    shape: Any
    """The type whose JSON it is: ``list[Public[Link]]``."""

    @classmethod
    def of(cls, shape: Any, written: bytes) -> Json[Any]:
        """``written``, which is JSON of ``shape``."""
        made: Json[Any] = cls(written)
        made.shape = shape
        return made
