"""A resource's list is what Python's own filtering and sorting makes of the rows, however it is cut into pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from velox import Settings, Velox
from velox.db import Field, Model
from velox.testing import TestClient


class ListedRow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    word: str | None = Field(default=None, index=True, max_length=9)
    number: int | None = Field(default=None, index=True)
    ratio: float = Field(default=0.0, index=True)


WORDS = [None, "", "a", "a%", "a_b", "ab", "b", "ä", "Z"]
ROWS = [{"word": WORDS[n % 9], "number": n * 5 % 7 or None, "ratio": n * 3 % 4 / 3} for n in range(30)]

words = st.sampled_from(["", "a", "a%", "ab", "_", "ä", "zz"])
numbers = st.integers(-1, 8)
filters = st.fixed_dictionaries(
    {},
    optional={
        "word": words,
        "word__prefix": words,
        "word__null": st.booleans(),
        "number__in": st.lists(numbers, min_size=1, max_size=4),
        "number__ge": numbers,
        "number__lt": numbers,
        "ratio__gt": st.sampled_from([0.0, 1 / 3, 0.5]),
    },
)
sorts = st.sampled_from([sign + name for name in ("id", "word", "number", "ratio") for sign in ("", "-")])
HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda value, asked: value == asked,
    "prefix": lambda value, asked: value is not None and value.startswith(asked),
    "null": lambda value, asked: (value is None) == asked,
    "in": lambda value, asked: value in asked,
    "ge": lambda value, asked: value is not None and value >= asked,
    "gt": lambda value, asked: value is not None and value > asked,
    "lt": lambda value, asked: value is not None and value < asked,
}


@pytest.fixture(scope="module")
def shelf() -> Iterator[tuple[asyncio.Runner, TestClient, list[dict[str, Any]]]]:
    app = Velox("listed", settings=Settings(env="test", database_url="sqlite://", create_tables=True))
    app.resource(ListedRow, "/rows")
    client = TestClient(app)
    with asyncio.Runner() as runner:
        runner.run(client.__aenter__())
        made = runner.run(client.post("/rows/bulk", json={"create": ROWS})).json()["created"]
        yield runner, client, made
        runner.run(client.__aexit__(None, None, None))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked=filters, sort=sorts, limit=st.integers(1, 12))
def test_walks(
    shelf: tuple[asyncio.Runner, TestClient, list[dict[str, Any]]], asked: dict[str, Any], sort: str, limit: int
) -> None:
    runner, client, rows = shelf
    expected = in_order([row for row in rows if all(holds(row, *each) for each in asked.items())], sort)

    async def walk() -> tuple[list[Any], int]:
        query = {**asked, "sort": sort, "limit": limit}
        page = (await client.get("/rows/", params=query)).json()
        found, total = page["items"], page["total"]
        for _ in range(len(rows)):
            if page["next_cursor"] is None:
                break
            page = (await client.get("/rows/", params={**query, "cursor": page["next_cursor"]})).json()
            found += page["items"]
        return found, total

    assert runner.run(walk()) == (expected, len(expected))


@settings(max_examples=25, deadline=None)
@given(cursor=st.text(max_size=60) | st.binary(max_size=30).map(lambda raw: raw.hex()))
def test_no_text_is_a_mistake_of_ours(
    shelf: tuple[asyncio.Runner, TestClient, list[dict[str, Any]]], cursor: str
) -> None:
    """What is no cursor is a 422 that names the parameter."""
    runner, client, _ = shelf
    answer = runner.run(client.get("/rows/", params={"cursor": cursor}))
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["query.cursor"]


def holds(row: dict[str, Any], name: str, asked: Any) -> bool:
    field, _, operator = name.partition("__")
    return HOLDS[operator](row[field], asked)


def in_order(rows: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    name = sort.removeprefix("-")
    there = [row for row in rows if row[name] is not None]
    there.sort(key=lambda row: row[name], reverse=sort.startswith("-"))
    return [*there, *(row for row in rows if row[name] is None)]
