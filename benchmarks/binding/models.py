"""What all three servers read and write: needs pydantic only, so that the peers' environment can import it too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

__all__ = ["MAX_BODY_BYTES", "ROWS", "Found", "ItemId", "Limit", "Order", "Row", "Text"]

MAX_BODY_BYTES = 1024 * 1024

ItemId = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1, max_length=50)]
Limit = Annotated[int, Field(ge=1, le=100)]


class Customer(BaseModel):
    """Who orders."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class Line(BaseModel):
    """What is ordered."""

    sku: Annotated[str, Field(max_length=20)]
    quantity: Annotated[int, Field(ge=1)]
    unit_cents: Annotated[int, Field(ge=0)]


class Order(BaseModel):
    """The body of the POST: ten fields, two levels."""

    reference: Annotated[str, Field(min_length=3, max_length=40)]
    customer: Customer
    lines: Annotated[list[Line], Field(min_length=1)]
    currency: Literal["EUR", "USD", "GBP"]
    created_at: datetime
    priority: Annotated[int, Field(ge=0, le=9)]
    discount: Annotated[float, Field(ge=0, lt=1)]
    gift: bool
    note: str | None
    tags: list[str]


class Found(BaseModel):
    """The answer of the typed GET."""

    item_id: int
    q: str
    limit: int
    active: bool


class Row(BaseModel):
    """One of the list of 100."""

    id: int
    slug: str
    url: str
    hits: int
    score: float
    active: bool
    created_at: datetime


ROWS = [
    Row(
        id=number,
        slug=f"row-{number}",
        url=f"https://example.org/rows/{number}",
        hits=number * 7,
        score=number / 8,
        active=number % 2 == 0,
        created_at=datetime(2026, 11, 23, number % 24, tzinfo=UTC),
    )
    for number in range(1, 101)
]
