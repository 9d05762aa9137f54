"""Where HTTP, JSON and Python disagree, the answer is what the description says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field

from velox import NotFound, Settings, Velox
from velox.db import Field as Column
from velox.db import Model, Public, Reader, select
from velox.testing import TestClient


class Price(BaseModel):
    amount: Decimal = Field(ge=0, max_digits=6, decimal_places=2)
    cents: int = 0
    counts: list[int] = []
    either: int | list[int] | None = None


class Parcel(Model, table=True):
    id: int | None = Column(default=None, primary_key=True)


@pytest.fixture
def app() -> Velox:
    app = Velox("described", Settings(env="test", database_url="sqlite:///:memory:", create_tables=True))

    @app.post("/prices/<number>")
    async def echo(number: int, body: Price) -> Price:
        return body

    @app.get("/parcels/<parcel_id>")
    async def read_parcel(parcel_id: int, db: Reader) -> Public[Parcel]:
        return await db.one(select(Parcel).where(Parcel.id == parcel_id), missing=NotFound("no such parcel"))

    return app


async def test_one_point_zero_is_an_integer(app: Velox) -> None:
    """JSON has one kind of number; what is a fraction or a text stays refused, with the right pointer."""
    async with TestClient(app) as client:
        sent: dict[str, Any] = {"amount": "1.10", "cents": 3.0, "counts": [1, 2.0], "either": [4.0]}
        answer = await client.post("/prices/1", json=sent)
        assert answer.json() == {"amount": "1.10", "cents": 3, "counts": [1, 2], "either": [4]}
        answer = await client.post("/prices/1", json={"amount": 1, "cents": 3.5, "counts": [1.0, "2"]})
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/cents", "/counts/1"]


async def test_a_decimals_digits_are_described(app: Velox) -> None:
    """As a number with its step and limits, or as the text of one."""
    document = app.openapi()
    body = document["paths"]["/prices/{number}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    number, text = schema["properties"]["amount"]["anyOf"]
    assert number == {"type": "number", "minimum": 0, "exclusiveMaximum": 10_000, "multipleOf": 0.01}
    assert text == {"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9]{1,2})?$"}


async def test_a_405_names_the_allowed_methods(app: Velox) -> None:
    """Also for a path with parameters, and for a method that no handler has."""
    async with TestClient(app) as client:
        for method in ("PUT", "TRACE"):
            answer = await client.request(method, "/prices/1")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_key_that_no_column_can_hold_is_not_found(app: Velox) -> None:
    """2**70 is an integer, and no row has it."""
    async with TestClient(app) as client:
        assert (await client.get(f"/parcels/{2**70}")).status_code == 404
