"""A shop whose orders may be sent twice; run as a program, it dies at a point of the caller's choice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import MetaData

from velox import Settings, Velox
from velox.db import Database, Field, Model, Session
from velox.errors import Conflict, ServiceUnavailable
from velox.idempotency.table import table_in
from velox.testing import TestClient

KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


class ShopOrder(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    article: str = Field(max_length=50)


class NewOrder(BaseModel):
    article: str


def make_shop(url: str, work: Callable[[], Awaitable[None]] | None = None) -> Velox:
    """``POST /orders``, which does ``work`` between writing and answering."""
    app = Velox("shop", Settings(env="test", database_url=url, create_tables=False, database_timeout_s=30))

    @app.post("/orders", status=201, idempotent=True)
    async def order(body: NewOrder, db: Session) -> ShopOrder:
        row = await db.add(ShopOrder(article=body.article))
        if work is not None:
            await work()
        if body.article == "taken":
            raise Conflict("It is taken.")
        if body.article == "broken":
            raise ServiceUnavailable("The till is broken.")
        return row

    return app


async def make_tables(url: str) -> None:
    """The shop's, and no other test's."""
    tables = MetaData(naming_convention=Model.metadata.naming_convention)
    ShopOrder.__table__.to_metadata(tables)
    table_in(tables)
    database = Database(url)
    await database.start()
    await database.create_tables(tables)
    await database.stop()


async def send(client: TestClient, article: str = "tea", **more: Any) -> Any:
    return await client.post("/orders", json={"article": article}, headers=KEY, **more)


async def die(url: str, point: str) -> None:
    async def work() -> None:
        if point == "before":
            os.kill(os.getpid(), signal.SIGKILL)

    async with TestClient(make_shop(url, work)) as client:
        await send(client)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(die(*sys.argv[1:]))
