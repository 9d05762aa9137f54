"""The three handlers in Velox, as its documentation would write them."""

from typing import Annotated

from benchmarks.binding.models import ROWS, Found, ItemId, Limit, Order, Row, Text
from velox import Path, Query, Settings, Velox


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("binding", settings)

    @app.post("/orders", status=201)
    async def create_order(order: Order) -> Order:
        return order

    @app.get("/items/<item_id>")
    async def read_item(
        item_id: Annotated[ItemId, Path()], q: Annotated[Text, Query()], limit: Limit = 20, active: bool = True
    ) -> Found:
        return Found(item_id=item_id, q=q, limit=limit, active=active)

    @app.get("/rows")
    async def list_rows() -> list[Row]:
        return ROWS

    return app
