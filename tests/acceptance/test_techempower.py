"""The example ``examples/techempower`` keeps the benchmark's rules, against a real PostgreSQL and on a real socket."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from examples.techempower.fortunes import page
from examples.techempower.seed import MESSAGES, seed
from examples.techempower.tables import WORLDS, Fortune
from examples.techempower.worlds import clamped
from velox.testing import LiveServer

ROOT = Path(__file__).resolve().parents[2]
Stored = Callable[[str], dict[int, int]]
PG_URL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@asynccontextmanager
async def engine_for(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    try:
        yield engine
    finally:
        await engine.dispose()


async def execute(statement: str, url: str = PG_URL) -> None:
    """Outside a transaction: databases are made and dropped in none."""
    async with engine_for(url) as engine, engine.connect() as connection:
        committing = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await committing.execute(text(statement))


async def numbers_of(url: str, table: str) -> dict[int, int]:
    statement = text(f'SELECT id, "randomNumber" FROM {table}')
    async with engine_for(url) as engine, engine.connect() as connection:
        return {row[0]: row[1] for row in await connection.execute(statement)}


@pytest.fixture(scope="module")
def database() -> Iterator[str | None]:
    """The URL of a filled database of this module's own; ``None`` when there is no PostgreSQL."""
    name = f"velox_example_{secrets.token_hex(6)}"
    url = make_url(PG_URL).set(database=name).render_as_string(hide_password=False)
    try:
        asyncio.run(execute(f"CREATE DATABASE {name}"))
    except (OSError, SQLAlchemyError, ModuleNotFoundError):
        yield None
        return
    try:
        asyncio.run(seed(url))
        yield url
    finally:
        asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="module")
def served(database: str | None) -> Iterator[httpx.Client | None]:
    if database is None:
        yield None
        return
    environment = {"VELOX_DATABASE_URL": database}
    with (
        LiveServer("examples.techempower.main:create_app", directory=ROOT, environment=environment) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        yield client


@pytest.fixture
def client(served: httpx.Client | None, require: Callable[[object, str], None]) -> httpx.Client:
    require(served, f"asyncpg, and a PostgreSQL at {PG_URL} or TEST_POSTGRESQL_URL that may create databases")
    assert served is not None
    return served


@pytest.fixture
def stored(client: httpx.Client, database: str | None) -> Stored:
    """Reads what a table holds, around the server."""
    assert database is not None
    url = database
    return lambda table: asyncio.run(numbers_of(url, table))


def get(client: httpx.Client, path: str, media_type: str) -> httpx.Response:
    """The answer, whose head has to be as the rules want it for every test."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    assert response.headers["server"]
    assert abs(parsedate_to_datetime(response.headers["date"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert int(response.headers["content-length"]) == len(response.content)
    return response


def get_json(client: httpx.Client, path: str) -> Any:
    return get(client, path, "application/json").json()


def test_json_is_an_object_with_a_message(client: httpx.Client) -> None:
    """The json test answers exactly one member, as application/json."""
    assert get_json(client, "/json") == {"message": "Hello, World!"}


def test_plaintext_is_the_message_alone(client: httpx.Client) -> None:
    """The plaintext test answers the bare message, as text/plain."""
    assert get(client, "/plaintext", "text/plain; charset=utf-8").text == "Hello, World!"


def test_db_answers_one_row(client: httpx.Client, stored: Stored) -> None:
    """The db test answers one row of the table, and not always the same."""
    worlds = [get_json(client, "/db") for _ in range(8)]
    numbers = stored("world")
    assert [numbers[world["id"]] for world in worlds] == [world["randomNumber"] for world in worlds]
    assert {frozenset(world) for world in worlds} == {frozenset({"id", "randomNumber"})}
    assert len({world["id"] for world in worlds}) > 1


@pytest.mark.parametrize(
    ("given", "count"), [("", 1), ("foo", 1), ("0", 1), ("-1", 1), ("1", 1), ("20", 20), ("500", 500), ("501", 500)]
)
def test_the_number_of_queries_is_clamped(given: str, count: int) -> None:
    """What is no number, or below 1, is 1; what is above 500 is 500."""
    assert clamped(given) == count


@pytest.mark.parametrize(
    ("path", "table"),
    [("/queries?queries", "world"), ("/updates?queries", "world"), ("/cached-queries?count", "cachedworld")],
)
@pytest.mark.parametrize(("given", "count"), [("=", 1), ("=foo", 1), ("=0", 1), ("=20", 20), ("=501", 500)])
def test_many_rows_are_answered_as_a_list(
    client: httpx.Client, stored: Stored, path: str, table: str, given: str, count: int
) -> None:
    """Each test of many rows answers as many different ones as were asked for, with the numbers that are stored."""
    worlds = get_json(client, path + given)
    numbers = stored(table)
    assert len({world["id"] for world in worlds}) == count
    assert [numbers[world["id"]] for world in worlds] == [world["randomNumber"] for world in worlds]


@pytest.mark.parametrize("path", ["/queries", "/updates", "/cached-queries"])
def test_one_row_is_the_default(client: httpx.Client, path: str) -> None:
    """Without a number there is a list of one row."""
    assert len(get_json(client, path)) == 1


def test_updates_are_written(client: httpx.Client, stored: Stored) -> None:
    """The updates test writes new numbers, and touches no other row."""
    before = stored("world")
    worlds = {world["id"]: world["randomNumber"] for world in get_json(client, "/updates?queries=100")}
    assert stored("world") == {**before, **worlds}
    changed = [key for key, number in worlds.items() if number != before[key]]
    assert len(changed) > 90, "random numbers of 10,000 hardly ever stay the same"


class Cells(HTMLParser):
    """The texts of a page's cells, and which elements it has."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.elements: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_fortunes_are_a_sorted_table_of_texts(client: httpx.Client) -> None:
    """The fortunes test adds a row, sorts by message, and a message that looks like a script stays text."""
    found = Cells()
    found.feed(get(client, "/fortunes", "text/html; charset=utf-8").text)
    assert found.cells[1::2] == sorted([*MESSAGES, "Additional fortune added at request time."])
    assert {"0", *(str(number) for number in range(1, len(MESSAGES) + 1))} == set(found.cells[::2])
    assert "script" not in found.elements


def test_a_fortune_is_escaped() -> None:
    """Each character that means something in HTML is written as a reference."""
    assert "<td>&lt;b&gt; &amp; &quot;c&quot;</td>" in page([Fortune(id=1, message='<b> & "c"')])


def test_the_tables_are_filled_as_the_rules_say(client: httpx.Client, stored: Stored) -> None:
    """Both tables of numbers have 10,000 rows, numbered from 1."""
    for table in ("world", "cachedworld"):
        assert sorted(stored(table)) == list(range(1, WORLDS + 1))
