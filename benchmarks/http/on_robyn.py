"""The handlers in Robyn: one process, one thread of its own runtime. It has no bounds for query values."""

import sys

from pydantic import TypeAdapter
from robyn import Headers, Response, Robyn

from benchmarks.binding.models import ROWS, Found, Order, Row

GREETING = "Hello, World!"
JSON = Headers({"Content-Type": "application/json"})

order_to_json = TypeAdapter(Order).serializer.to_json
found_to_json = TypeAdapter(Found).serializer.to_json
rows_to_json = TypeAdapter(list[Row]).serializer.to_json

app = Robyn(__file__)


@app.get("/plaintext")
async def plaintext() -> str:
    return GREETING


@app.get("/json")
async def greet() -> dict[str, str]:
    return {"message": GREETING}


@app.get("/items/:item_id")
async def read_item(item_id: int, q: str, limit: int = 20, active: bool = True) -> Response:
    found = Found(item_id=item_id, q=q, limit=limit, active=active)
    return Response(200, JSON, found_to_json(found))


@app.post("/orders")
async def create_order(order: Order) -> Response:
    return Response(201, JSON, order_to_json(order))


@app.get("/rows")
async def list_rows() -> Response:
    return Response(200, JSON, rows_to_json(ROWS))


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(sys.argv[1]))
