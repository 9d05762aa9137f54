"""``ResourcePage``: one slice of a resource's list, and the way to the next."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

__all__ = ["ResourcePage"]

T = TypeVar("T")


class ResourcePage(BaseModel, Generic[T]):
    """A slice of a list."""

    items: list[T]
    limit: int = Field(ge=1, description="How many were asked for at most")
    offset: int | None = Field(description="How many come before the first of these; null behind a cursor")
    total: int | None = Field(description="How many there are in all; null behind a cursor")
    next_cursor: str | None = Field(description="Send it as cursor for what follows; null at the end")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{getattr(params[0], '__name__', params[0])}ResourcePage"
