"""Dates in a query are dates, and not numbers that pydantic would count from 1970."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import pytest
from pydantic import BaseModel

from velox import Header, Query, Settings, Velox
from velox.testing import TestClient


class Period(BaseModel):
    since: date | None = None
    until: datetime | None = None


@pytest.fixture
def app() -> Velox:
    app = Velox("dated", settings=Settings(env="test", database_url="sqlite://"))

    @app.get("/one")
    async def one(day: date | None = None, x_at: Annotated[datetime | None, Header()] = None) -> list[str]:
        return [str(day), str(x_at)]

    @app.get("/group")
    async def group(period: Annotated[Period, Query()]) -> Period:
        return period

    @app.get("/days/<day>")
    async def in_path(day: date) -> date:
        return day

    return app


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "20260131", "1e3", ""])
async def test_a_number_is_no_date(app: Velox, number: str) -> None:
    """Neither alone, nor in a group, nor in a header or the path."""
    async with TestClient(app) as client:
        answers = [
            await client.get("/one", params={"day": number}),
            await client.get("/one", headers={"x-at": number}),
            await client.get("/group", params={"since": number}),
            await client.get("/group", params={"until": number}),
            *([await client.get(f"/days/{number}")] if number else []),
        ]
        assert [answer.status_code for answer in answers] == [422] * len(answers)
        places = [answer.json()["errors"][0]["parameter"] for answer in answers]
        assert places[:4] == ["query.day", "header.x-at", "query.since", "query.until"]


async def test_a_date_is_a_date(app: Velox) -> None:
    async with TestClient(app) as client:
        answer = await client.get("/one", params={"day": "2026-01-31"}, headers={"x-at": "2026-01-31T12:00:00Z"})
        assert answer.json() == ["2026-01-31", "2026-01-31 12:00:00+00:00"]
        answer = await client.get("/group", params={"since": "2026-01-31"})
        assert answer.json() == {"since": "2026-01-31", "until": None}
        assert (await client.get("/days/2026-01-31")).json() == "2026-01-31"
