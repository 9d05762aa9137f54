"""JSON bodies: strict, and wrong fields are pointed at."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from velox import Velox
from velox.routing.body import json_pointer
from velox.testing import TestClient


class Colour(Enum):
    RED = "red"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Price(BaseModel):
    amount: Decimal = Field(max_digits=4)
    when: date | None = None
    colour: Colour = Colour.RED
    key: UUID | None = None


class Tree(BaseModel):
    name: str = Field(alias="tree/name~")
    children: list[Tree] = []


@dataclass
class Point:
    x: int


class Span(TypedDict):
    start: int


KEY = "6f1c6a1e-5b4e-4b1c-9d0a-0a0b0c0d0e0f"
Animal = Annotated[Cat | Dog, Field(discriminator="kind")]


async def post(app: Velox, annotation: Any, body: Any, default: Any = ...) -> Any:
    async def handler(body: Any = default) -> Any:
        return body

    handler.__annotations__["body"] = annotation
    if default is ...:
        handler.__defaults__ = None
    app.post("/")(handler)
    async with TestClient(app) as client:
        if body is ...:
            return await client.post("/")
        return await client.post("/", content=json.dumps(body), headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    ("annotation", "body"),
    [
        (
            Price,
            {"amount": "1.10", "when": "2026-01-02", "colour": "red", "key": "00000000-0000-0000-0000-000000000001"},
        ),
        (list[Point], [{"x": 1}, {"x": 2}]),
        (Point, {"x": 1}),
        (Span, {"start": 1}),
        (dict[str, int], {"a": 1}),
        (dict[int, int], {"1": 1}),
        (Animal, {"kind": "dog", "name": "Rex"}),
        (Cat | Point, {"x": 1}),
        (Cat | None, None),
        (list[Animal], [{"kind": "cat", "lives": 9}]),
    ],
    ids=str,
)
async def test_every_shape_arrives(make_app: Callable[..., Velox], annotation: Any, body: Any) -> None:
    answer = await post(make_app(), annotation, body)
    assert (answer.status_code, answer.json()) == (200, body)


@pytest.mark.parametrize(
    ("annotation", "body", "pointers"),
    [
        (Point, {"x": "1"}, ["/x"]),
        (Point, {"x": True}, ["/x"]),
        (Point, {"x": 1.5}, ["/x"]),
        (Point, {}, ["/x"]),
        (Point, [], [""]),
        (Price, {"amount": "12345", "when": 7, "colour": "blue"}, ["/amount", "/when", "/colour"]),
        (Animal, {"kind": "cat"}, ["/lives"]),
        (Animal, {"kind": "bird"}, [""]),
        (list[Animal], [{"kind": "cat", "lives": 1}, {"kind": "dog", "name": 3}], ["/1/name"]),
        (dict[str, Point], {"a/b": {"x": "y"}}, ["/a~1b/x"]),
        (Tree, {"tree/name~": "x", "children": [{"tree/name~": 1}]}, ["/children/0/tree~1name~0"]),
    ],
    ids=str,
)
async def test_a_wrong_field_is_pointed_at(
    make_app: Callable[..., Velox], annotation: Any, body: Any, pointers: list[str]
) -> None:
    answer = await post(make_app(), annotation, body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


async def test_an_optional_body_may_be_left_out(make_app: Callable[..., Velox]) -> None:
    answer = await post(make_app(), Point | None, ..., default=None)
    assert (answer.status_code, answer.text) == (200, "null")


async def test_an_integer_may_be_spelled_with_a_point(make_app: Callable[..., Velox]) -> None:
    """JSON has one kind of number: 1.0 is the integer 1 (JSON Schema 2020-12 Core, section 4.2.3)."""
    answer = await post(make_app(), Point, {"x": 1.0})
    assert answer.json() == {"x": 1}


@pytest.mark.parametrize(
    ("location", "code", "pointer"),
    [
        ((), "dict_type", ""),
        (("a", 0, "b"), "int_type", "/a/0/b"),
        (("Model", "a", "function-after", 0), "x", "/a/0"),
        (("a", 7), "x", "/a"),
        (("a", 0, "c"), "missing", "/a/0/c"),
        (("c",), "x", ""),
    ],
)
def test_steps_that_lead_nowhere_are_left_out(location: tuple[str | int, ...], code: str, pointer: str) -> None:
    assert json_pointer({"a": [{"b": 1}]}, location, code) == pointer
