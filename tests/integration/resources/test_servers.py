"""Lists are the same on every server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from velox import Velox
from velox.db import Field, Model
from velox.testing import TestClient


class ShelfServed(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    word: str | None = Field(default=None, index=True, max_length=20)
    ratio: float | None = Field(default=None, index=True)
    money: Decimal | None = Field(default=None, index=True, max_digits=8, decimal_places=2)
    at: datetime | None = Field(default=None, index=True)
    yes: bool = Field(default=False, index=True)


START = datetime(2026, 1, 1, 12, 30, 1, 123456, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [
    {
        "word": None if n % 4 == 0 else f"w{n * 7 % 5}",
        "ratio": None if n % 5 == 0 else n * 7 % 6 / 3,
        "money": None if n % 3 == 0 else f"{n * 5 % 7}.10",
        "at": None if n % 6 == 0 else (START + timedelta(microseconds=n * 3 % 5)).isoformat(),
        "yes": n % 2 == 0,
    }
    for n in range(1, 24)
]


@pytest.mark.parametrize("kind", ["memory", "postgresql", "mariadb"])
async def test_walks(
    make_app: Callable[..., Velox],
    server_databases: Callable[[str], str | None],
    require: Callable[[object, str], None],
    kind: str,
) -> None:
    """Whatever a list is sorted by, following the cursors shows each row once, rows without a value last."""
    url = "sqlite://" if kind == "memory" else server_databases(kind)
    require(url, kind)
    app = make_app(database_url=url)
    app.resource(ShelfServed, "/rows")
    async with TestClient(app) as client:
        async with app.database.session() as db:
            connection = await db.connection()
            await connection.run_sync(ShelfServed.__table__.create, checkfirst=True)
        try:
            made = await client.post("/rows/bulk", json={"create": ROWS})
            assert made.status_code == 200, made.text
            for name in ("id", "word", "ratio", "money", "at"):
                for sort in (name, f"-{name}"):
                    assert await walked(client, sort) == expected(made.json()["created"], sort), sort
            found = (await client.get("/rows/?word__prefix=w1&yes=true&ratio__ge=0.5&money__null=false")).json()[
                "items"
            ]
            assert found == [
                row
                for row in made.json()["created"]
                if row["yes"] and row["word"] == "w1" and (row["ratio"] or 0) >= 0.5 and row["money"] is not None
            ]
        finally:
            async with app.database.session() as db:
                connection = await db.connection()
                await connection.run_sync(ShelfServed.__table__.drop)


async def walked(client: TestClient, sort: str) -> list[int]:
    page = (await client.get(f"/rows/?limit=4&sort={sort}")).json()
    found = list(page["items"])
    while page["next_cursor"]:
        page = (await client.get(f"/rows/?limit=4&sort={sort}&cursor={page['next_cursor']}")).json()
        found += page["items"]
    return [row["id"] for row in found]


def expected(rows: list[dict[str, Any]], sort: str) -> list[int]:
    name = sort.removeprefix("-")
    value: Callable[[Any], Any] = Decimal if name == "money" else lambda given: given
    there = sorted((row for row in rows if row[name] is not None), key=lambda row: row["id"])
    there.sort(key=lambda row: value(row[name]), reverse=sort.startswith("-"))
    return [row["id"] for row in [*there, *(row for row in rows if row[name] is None)]]
