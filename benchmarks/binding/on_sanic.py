"""The three handlers in raw Sanic, written by hand to do what Velox does, and nothing else.

"The same work" means, for the body: the same check of the media type, the same limit, the same strict reading of the
JSON (no NaN, no repeated names), the same model in pydantic's strict mode; for the query: percent-decoding, repeated
values refused, the same constraints through pydantic-core in one call; for answers: the same models to bytes by
pydantic-core, and errors as problem documents. It is written by somebody who knows what is fast: adapters are made
once, pydantic-core's own validators and serialisers are called, a query without percent signs is only split
(``request.args`` would cost about 2 µs more), and the list is not looked at before it is written.
"""

from __future__ import annotations

import sys
from typing import Any, NotRequired
from urllib.parse import parse_qsl

import jiter
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from sanic import Request, Sanic
from sanic.response import HTTPResponse
from typing_extensions import TypedDict

from benchmarks.binding.models import MAX_BODY_BYTES, ROWS, Found, ItemId, Limit, Order, Row, Text


class Search(TypedDict):
    """What the typed GET takes; absent optional values stay absent."""

    item_id: ItemId
    q: Text
    limit: NotRequired[Limit]
    active: NotRequired[bool]


validate_order = TypeAdapter(Order).validator.validate_json
order_to_json = TypeAdapter(Order).serializer.to_json
validate_search = TypeAdapter(Search).validator.validate_python
found_to_json = TypeAdapter(Found).serializer.to_json
rows_to_json = TypeAdapter(list[Row]).serializer.to_json

app = Sanic("binding")


def problem(status: int, title: str, **members: Any) -> HTTPResponse:
    document = {"type": "about:blank", "title": title, "status": status, **members}
    return HTTPResponse(to_json(document), status, content_type="application/problem+json")


def is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def invalid(error: ValidationError) -> HTTPResponse:
    return problem(422, "Validation failed", errors=error.errors(include_url=False, include_context=False))


@app.post("/orders")
async def create_order(request: Request) -> HTTPResponse:
    content_type = request.headers.get("content-type", "")
    if content_type != "application/json" and not is_json(content_type):
        return problem(415, "Unsupported Media Type")
    body = request.body
    if len(body) > MAX_BODY_BYTES:
        return problem(413, "Content Too Large")
    try:
        jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        return problem(400, "Bad Request", detail=str(error))
    try:
        order = validate_order(body, strict=True)
    except ValidationError as error:
        return invalid(error)
    return HTTPResponse(order_to_json(order), status=201, content_type="application/json")


@app.get("/items/<item_id>", unquote=True)
async def read_item(request: Request, item_id: str) -> HTTPResponse:
    query = request.query_string
    if "%" in query or "+" in query:
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            return problem(400, "Bad Request")
    else:
        pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]
    values: dict[str, Any] = {"item_id": item_id}
    for name, value in pairs:
        if name in {"q", "limit", "active"}:
            if name in values:
                return problem(422, "Validation failed", errors=[{"parameter": f"query.{name}", "code": "repeated"}])
            values[name] = value
    try:
        search = validate_search(values)
    except ValidationError as error:
        return invalid(error)
    found = Found(
        item_id=search["item_id"], q=search["q"], limit=search.get("limit", 20), active=search.get("active", True)
    )
    return HTTPResponse(found_to_json(found), content_type="application/json")


@app.get("/rows")
async def list_rows(request: Request) -> HTTPResponse:
    return HTTPResponse(rows_to_json(ROWS), content_type="application/json")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
