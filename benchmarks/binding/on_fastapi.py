"""The three handlers in FastAPI, as its documentation writes them: the return annotation is the response model.

FastAPI does less than the other two: it lets repeated names and NaN in a body pass, and reads ``"1"`` as the number 1.
"""

from typing import Annotated

from fastapi import FastAPI, Path, Query

from benchmarks.binding.models import ROWS, Found, ItemId, Limit, Order, Row, Text

app = FastAPI()


@app.post("/orders", status_code=201)
async def create_order(order: Order) -> Order:
    return order


@app.get("/items/{item_id}")
async def read_item(
    item_id: Annotated[ItemId, Path()], q: Annotated[Text, Query()], limit: Limit = 20, active: bool = True
) -> Found:
    return Found(item_id=item_id, q=q, limit=limit, active=active)


@app.get("/rows")
async def list_rows() -> list[Row]:
    return ROWS
