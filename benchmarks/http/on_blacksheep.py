"""The handlers in BlackSheep with orjson in place of the standard library's JSON, and pydantic's models.

BlackSheep has no response models and no bounds for query values: models are written by pydantic's own serialiser, and
the typed GET only converts.
"""

import orjson
from blacksheep import Application, Content, FromQuery, Response, get, post, text
from blacksheep.server.responses import json
from blacksheep.settings.json import json_settings
from pydantic import TypeAdapter

from benchmarks.binding.models import ROWS, Found, Order, Row

GREETING = "Hello, World!"

json_settings.use(loads=orjson.loads, dumps=lambda value: orjson.dumps(value).decode())
order_to_json = TypeAdapter(Order).serializer.to_json
found_to_json = TypeAdapter(Found).serializer.to_json
rows_to_json = TypeAdapter(list[Row]).serializer.to_json

app = Application()


def ready(body: bytes, status: int = 200) -> Response:
    return Response(status, None, Content(b"application/json", body))


@get("/plaintext")
async def plaintext() -> Response:
    return text(GREETING)


@get("/json")
async def greet() -> Response:
    return json({"message": GREETING})


@get("/items/{item_id}")
async def read_item(item_id: int, q: FromQuery[str], limit: FromQuery[int], active: FromQuery[bool]) -> Response:
    found = Found(item_id=item_id, q=q.value, limit=limit.value, active=active.value)
    return ready(found_to_json(found))


@post("/orders")
async def create_order(order: Order) -> Response:
    return ready(order_to_json(order), 201)


@get("/rows")
async def list_rows() -> Response:
    return ready(rows_to_json(ROWS))
