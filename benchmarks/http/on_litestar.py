"""The handlers in Litestar with msgspec's structs, the models that its documentation recommends for speed."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Litestar, MediaType, get, post
from litestar.params import Parameter
from msgspec import Meta, Struct

from benchmarks.binding import models

GREETING = "Hello, World!"


class Customer(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$")]


class Line(Struct):
    sku: Annotated[str, Meta(max_length=20)]
    quantity: Annotated[int, Meta(ge=1)]
    unit_cents: Annotated[int, Meta(ge=0)]


class Order(Struct):
    reference: Annotated[str, Meta(min_length=3, max_length=40)]
    customer: Customer
    lines: Annotated[list[Line], Meta(min_length=1)]
    currency: Literal["EUR", "USD", "GBP"]
    created_at: datetime
    priority: Annotated[int, Meta(ge=0, le=9)]
    discount: Annotated[float, Meta(ge=0, lt=1)]
    gift: bool
    note: str | None
    tags: list[str]


class Found(Struct):
    item_id: int
    q: str
    limit: int
    active: bool


class Row(Struct):
    id: int
    slug: str
    url: str
    hits: int
    score: float
    active: bool
    created_at: datetime


ROWS = msgspec.convert([row.model_dump() for row in models.ROWS], list[Row])


@get("/plaintext", media_type=MediaType.TEXT)
async def plaintext() -> str:
    return GREETING


@get("/json")
async def greet() -> dict[str, str]:
    return {"message": GREETING}


@get("/items/{item_id:int}")
async def read_item(
    item_id: Annotated[int, Parameter(ge=1)],
    q: Annotated[str, Parameter(min_length=1, max_length=50)],
    limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
    active: bool = True,
) -> Found:
    return Found(item_id, q, limit, active)


@post("/orders")
async def create_order(data: Order) -> Order:
    return data


@get("/rows")
async def list_rows() -> list[Row]:
    return ROWS


app = Litestar([plaintext, greet, read_item, create_order, list_rows], openapi_config=None)
