"""What goes in comes out: bodies, parameters and pointers, for anything that Hypothesis thinks of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from velox import Cookie, Header, Settings, Velox
from velox.routing.body import json_pointer
from velox.testing import TestClient


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    flag: bool
    when: datetime | None = None
    colour: Colour = Colour.RED


class Everything(BaseModel):
    text: str
    number: int
    ratio: float
    amount: Decimal
    key: UUID
    day: date
    span: timedelta
    leaves: list[Leaf] = []
    by_name: dict[str, Leaf] = {}
    either: int | str = 0


# JSON has no lone surrogates, and pydantic no integers beyond 4300 digits.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAF = st.builds(Leaf, flag=st.booleans(), when=st.none() | st.datetimes(), colour=st.sampled_from(Colour))
EVERYTHING = st.builds(
    Everything,
    text=TEXT,
    number=st.integers(-(2**70), 2**70),
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    amount=st.decimals(allow_nan=False, allow_infinity=False, places=3),
    key=st.uuids(),
    day=st.dates(),
    span=st.timedeltas(timedelta(days=-99999), timedelta(days=99999)),
    leaves=st.lists(LEAF, max_size=3),
    by_name=st.dictionaries(TEXT, LEAF, max_size=3),
    either=st.integers(-100, 100) | TEXT,
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def create_app() -> Velox:
    app = Velox("round-trips", Settings(env="test", database_url="sqlite://"))

    @app.post("/everything")
    async def everything(body: Everything) -> Everything:
        return body

    @app.post("/anything")
    async def anything(body: dict[str, Any] | list[Any]) -> dict[str, Any] | list[Any]:
        return body

    @app.get("/query")
    async def query(text: str, number: int, ratio: float, key: UUID, tags: list[str] = []) -> Any:  # noqa: B006
        return {"text": text, "number": number, "ratio": ratio, "key": key, "tags": tags}

    @app.get("/path/<text>")
    async def path(text: str) -> str:
        return text

    @app.get("/headers")
    async def headers(x_text: Annotated[str, Header()], theme: Annotated[str, Cookie()]) -> list[str]:
        return [x_text, theme]

    return app


class Caller:
    """A started app, and its client's requests without ``await``: Hypothesis knows no coroutines."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._client = TestClient(create_app())
        self._runner.run(self._client.__aenter__())

    def __call__(self, method: str, url: str, **options: Any) -> Any:
        return self._runner.run(self._client.request(method, url, **options))

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.run(self._client.__aexit__())
        self._runner.close()


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    caller = Caller()
    yield caller
    caller.close()


@settings(deadline=None)
@given(value=EVERYTHING)
def test_a_model_comes_back_equal(call: Caller, value: Everything) -> None:
    answer = call("POST", "/everything", content=value.model_dump_json(), headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert Everything.model_validate_json(answer.text) == value


@settings(deadline=None)
@given(value=st.lists(JSON, max_size=3) | st.dictionaries(TEXT, JSON, max_size=3))
def test_json_comes_back_equal(call: Caller, value: Any) -> None:
    content = json.dumps(value).encode()
    answer = call("POST", "/anything", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == value


@settings(deadline=None)
@given(body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()[:-1]))
def test_no_body_is_an_error_of_ours(call: Caller, body: bytes) -> None:
    answer = call("POST", "/everything", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}


@settings(deadline=None)
@given(
    text=TEXT,
    number=st.integers(),
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    key=st.uuids(),
    tags=st.lists(TEXT, max_size=4),
)
def test_query_values_come_back_equal(
    call: Caller, text: str, number: int, ratio: float, key: UUID, tags: list[str]
) -> None:
    sent = {"text": text, "number": number, "ratio": ratio, "key": str(key), "tags": tags}
    answer = call("GET", f"/query?{urlencode(sent, doseq=True)}")
    assert answer.json() == sent


@settings(deadline=None)
@given(text=TEXT.filter(lambda text: text not in {"", ".", ".."}))
def test_path_values_come_back_equal(call: Caller, text: str) -> None:
    assert call("GET", f"/path/{quote(text, safe='')}").json() == text


@settings(deadline=None)
@given(
    header=st.text(st.characters(codec="ascii", exclude_categories=["Cc"])).map(str.strip),
    cookie=st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters=' ",;\\%')),
)
def test_header_and_cookie_values_come_back_equal(call: Caller, header: str, cookie: str) -> None:
    answer = call("GET", "/headers", headers={"x-text": header, "cookie": f"theme={cookie}"})
    assert answer.json() == [header, cookie]


@settings(deadline=None)
@given(document=JSON)
def test_a_pointer_leads_to_something_that_is_there(document: Any) -> None:
    """Or, for a missing field, to the object that misses it."""
    try:
        Everything.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        for item in error.errors():
            here, steps = document, json_pointer(document, item["loc"], item["type"]).split("/")[1:]
            for step in steps[:-1] if item["type"] == "missing" else steps:
                name = step.replace("~1", "/").replace("~0", "~")
                here = here[int(name)] if isinstance(here, list) else here[name]
