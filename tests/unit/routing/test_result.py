"""What a handler returns leaves as its return annotation says, and nothing that the annotation does not name leaves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sanic.response import HTTPResponse, JSONResponse, html, raw, redirect
from sanic.response import json as sanic_json
from typing_extensions import TypedDict

from velox import Response, Velox
from velox.db import Field, Model, Page, Public
from velox.testing import TestClient

SECRET = "s3cr3t"


class Shown(BaseModel):
    name: str


class Full(Shown):
    password: str = SECRET


class Holder(BaseModel):
    one: Shown
    many: list[Shown] = []
    anything: Any = None


@dataclass
class Point:
    name: str


@dataclass
class SecretPoint(Point):
    password: str = SECRET


class Named(TypedDict):
    name: str


class Member(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    password: str = Field(default=SECRET, private=True, server_set=True)


class Loose(BaseModel):
    ratio: float
    more: dict[str, Any] = {}


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    page_size: int


class Renamed(Model, table=True):
    id: int = Field(primary_key=True)
    page_size: int = Field(alias="pageSize")


class Colour(Enum):
    RED = "red"


def member() -> Member:
    return Member(id=1, name="n")


def page() -> Page[Any]:
    return Page(items=[member()], total=1, limit=20, offset=0)


FULL = Full(name="n")
FILTERED: list[tuple[Any, Callable[[], Any], Any]] = [
    (Shown, lambda: FULL, {"name": "n"}),
    (Shown, lambda: {"name": "n", "password": SECRET}, {"name": "n"}),
    (Shown, lambda: SecretPoint("n"), {"name": "n"}),
    (Shown, member, {"name": "n"}),
    (Shown | None, lambda: FULL, {"name": "n"}),
    (Shown | Point, lambda: FULL, {"name": "n"}),
    (Shown | Response, lambda: FULL, {"name": "n"}),
    (list[Shown], lambda: [FULL, {"name": "m", "password": SECRET}], [{"name": "n"}, {"name": "m"}]),
    (Sequence[Shown], lambda: [FULL], [{"name": "n"}]),
    (tuple[Shown, ...], lambda: (FULL,), [{"name": "n"}]),
    (dict[str, Shown], lambda: {"a": FULL}, {"a": {"name": "n"}}),
    (Holder, lambda: Holder(one=FULL, many=[FULL]), {"one": {"name": "n"}, "many": [{"name": "n"}], "anything": None}),
    (Point, lambda: SecretPoint("n"), {"name": "n"}),
    (Named, lambda: {"name": "n", "password": SECRET}, {"name": "n"}),
    (Public[Member], member, {"id": 1, "name": "n"}),
    (Public[Member] | None, member, {"id": 1, "name": "n"}),
    (list[Public[Member]], lambda: [member()], [{"id": 1, "name": "n"}]),
    (dict[str, Public[Member]], lambda: {"a": member()}, {"a": {"id": 1, "name": "n"}}),
    (Page[Public[Member]], page, {"items": [{"id": 1, "name": "n"}], "total": 1, "limit": 20, "offset": 0}),
    # Private columns stay here even where the annotation promises nothing.
    (Member, member, {"id": 1, "name": "n"}),
    (list[Member], lambda: [member()], [{"id": 1, "name": "n"}]),
    (Page[Member], page, {"items": [{"id": 1, "name": "n"}], "total": 1, "limit": 20, "offset": 0}),
    (Any, lambda: {"deep": [member()]}, {"deep": [{"id": 1, "name": "n"}]}),
    (dict[str, Any], lambda: {"a": member()}, {"a": {"id": 1, "name": "n"}}),
    (..., lambda: [member()], [{"id": 1, "name": "n"}]),
    (..., page, {"items": [{"id": 1, "name": "n"}], "total": 1, "limit": 20, "offset": 0}),
]


async def answer_of(app: Velox, annotation: Any, result: Callable[[], Any], **options: Any) -> Any:
    """The answer of a handler that returns ``result()``, annotated ``annotation`` (``...``: not at all)."""

    async def handler() -> Any:
        return result()

    handler.__annotations__["return"] = annotation
    if annotation is ...:
        handler.__annotations__.clear()
    app.get("/", **options)(handler)
    async with TestClient(app) as client:
        return await client.get("/")


@pytest.mark.parametrize("env", ["dev", "test", "prod"])
@pytest.mark.parametrize(("annotation", "result", "shown"), FILTERED, ids=[str(case[0]) for case in FILTERED])
async def test_the_annotation_filters_the_answer(
    make_app: Callable[..., Velox], env: str, annotation: Any, result: Callable[[], Any], shown: Any
) -> None:
    answer = await answer_of(make_app(env=env, create_tables=False), annotation, result)
    assert answer.status_code == 200, answer.text
    assert answer.json() == shown
    assert SECRET not in answer.text


WRITTEN: list[tuple[Any, Any, Any]] = [
    (datetime, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
    (date, date(2026, 1, 2), "2026-01-02"),
    (time, time(1, 2), "01:02:00"),
    (timedelta, timedelta(minutes=1), "PT1M"),
    (UUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Decimal, Decimal("1.10"), "1.10"),
    (Colour, Colour.RED, "red"),
    (bytes, b"abc", "abc"),
    (set[int], {1}, [1]),
    (Path, Path("/a"), "/a"),
    (bool, False, False),
    (int, 0, 0),
    (str, "", ""),
    (float, math.nan, None),
    (list[float], [math.inf, 1.5], [None, 1.5]),
    (dict[str, Any], {"a": {"b": [-math.inf]}}, {"a": {"b": [None]}}),
    (Loose, Loose(ratio=math.nan, more={"x": [math.inf]}), {"ratio": None, "more": {"x": [None]}}),
    (dict[str, float], {}, {}),
    (list[int], [], []),
]


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("annotation", "result", "written"), WRITTEN, ids=[str(case[0]) for case in WRITTEN])
async def test_everything_common_can_be_written(
    make_app: Callable[..., Velox], declared: bool, annotation: Any, result: Any, written: Any
) -> None:
    """With and without an annotation; a float that JSON has no number for is null."""
    app = make_app(env="prod", create_tables=False)
    answer = await answer_of(app, annotation if declared else ..., lambda: result)
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text, parse_constant=pytest.fail) == written


UNFIT: list[tuple[Any, Any]] = [
    (int, "x"),
    (Shown, {"nam": "n"}),
    (Shown, None),
    (list[Shown], [{}]),
    (Public[Member], Shown(name="n")),
    (None, {"name": "n"}),
    (Any, object()),
    (..., object()),
    (bytes, b"\xff"),
    (str, "\ud800"),
    (Shown | Response, 3),
]


@pytest.mark.parametrize("env", ["dev", "prod"])
@pytest.mark.parametrize(("annotation", "result"), UNFIT, ids=[str(case[0]) for case in UNFIT])
async def test_what_does_not_fit_is_our_error(
    make_app: Callable[..., Velox], env: str, annotation: Any, result: Any
) -> None:
    """Only in ``dev`` the answer says what is wrong, and where."""
    answer = await answer_of(make_app(env=env, create_tables=False), annotation, lambda: result)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert (("InvalidResult" in answer.text) and ("test_result.py" in answer.text)) is (env == "dev")


async def test_a_field_that_was_set_to_something_else_is_found_before_production(
    make_app: Callable[..., Velox],
) -> None:
    answer = await answer_of(make_app(), Shown, lambda: Shown.model_construct(name=3))
    assert answer.status_code == 500


@pytest.mark.parametrize(
    ("annotation", "options", "status", "text"),
    [
        (None, {}, 204, ""),
        (..., {}, 204, ""),
        (None, {"status": 202}, 202, ""),
        (Shown | None, {}, 200, "null"),
        (None | Response, {}, 204, ""),
    ],
)
async def test_none_is_no_content_unless_something_was_promised(
    make_app: Callable[..., Velox], annotation: Any, options: Any, status: int, text: str
) -> None:
    answer = await answer_of(make_app(), annotation, lambda: None, **options)
    assert (answer.status_code, answer.text) == (status, text)


@pytest.mark.parametrize("env", ["test", "prod"])
@pytest.mark.parametrize(
    ("annotation", "result"),
    [
        (Camel, lambda: Camel.model_validate({"pageSize": 1})),
        (Camel, lambda: {"page_size": 1}),
        (Camel, lambda: {"pageSize": 1}),
        (Camel, lambda: SimpleNamespace(page_size=1)),
        (Camel | None, lambda: Camel.model_validate({"pageSize": 1})),
        (..., lambda: Camel.model_validate({"pageSize": 1})),
        (Public[Renamed], lambda: Renamed(id=1, page_size=1)),  # type: ignore[call-arg] # SQLModel takes the name
    ],
    ids=["instance", "names", "aliases", "attributes", "union", "no annotation", "row"],
)
async def test_aliases_are_the_names_on_the_wire(
    make_app: Callable[..., Velox], env: str, annotation: Any, result: Callable[[], Any]
) -> None:
    """As the documentation says; handlers may use either name."""
    answer = await answer_of(make_app(env=env), annotation, result)
    assert answer.json()["pageSize"] == 1
    assert "page_size" not in answer.text


@pytest.mark.parametrize("annotation", [..., Response, HTTPResponse, JSONResponse, Shown | Response, Shown], ids=str)
@pytest.mark.parametrize(
    ("result", "status", "kind"),
    [
        (lambda: html("<p>"), 200, "text/html; charset=utf-8"),
        (lambda: raw(b"x", status=418), 418, "application/octet-stream"),
        (lambda: redirect("/x"), 302, "text/html; charset=utf-8"),
        (lambda: sanic_json({"a": 1}), 200, "application/json"),
        (lambda: JSONResponse([1]), 200, "application/json"),
    ],
    ids=["html", "raw", "redirect", "json", "JSONResponse"],
)
async def test_a_response_goes_out_as_it_is(
    make_app: Callable[..., Velox], annotation: Any, result: Callable[[], Any], status: int, kind: str
) -> None:
    answer = await answer_of(make_app(), annotation, result, status=201)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)


async def test_the_declared_status_is_that_of_a_good_answer(make_app: Callable[..., Velox]) -> None:
    answer = await answer_of(make_app(), Shown, lambda: FULL, status=201)
    assert (answer.status_code, answer.json()) == (201, {"name": "n"})


@pytest.mark.parametrize("env", ["dev", "test"])
@pytest.mark.parametrize(
    ("annotation", "result"),
    [
        (float, math.nan),
        (list[float], [math.inf, 1.5]),
        (Loose, Loose(ratio=math.nan, more={})),
    ],
)
async def test_a_float_without_a_number_in_json_is_found_before_production(
    make_app: Callable[..., Velox], env: str, annotation: Any, result: Any
) -> None:
    """The document says "number": in production it becomes null."""
    answer = await answer_of(make_app(env=env, create_tables=False), annotation, lambda: result)
    assert answer.status_code == 500
    assert ("not finite" in answer.text) is (env == "dev")


async def test_a_status_in_a_tuple_is_found_before_production(make_app: Callable[..., Velox]) -> None:
    """It would be a JSON array with status 200."""
    app = make_app(env="dev", create_tables=False)
    answer = await answer_of(app, ..., lambda: ({"a": 1}, 201))
    assert answer.status_code == 500
    assert "status=201" in answer.text
    assert "Response" in answer.text


async def test_an_annotated_tuple_is_an_array(make_app: Callable[..., Velox]) -> None:
    answer = await answer_of(make_app(), tuple[int, int], lambda: (1, 201))
    assert answer.json() == [1, 201]
