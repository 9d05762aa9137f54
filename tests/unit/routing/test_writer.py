"""The quick writer takes what it can write as pydantic does, and leaves everything else to it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter, computed_field, field_serializer

from velox.db import Field as Column
from velox.db import Model, Page, Public
from velox.routing.projection import Unexpected
from velox.routing.writer import writer

T = TypeVar("T")


class Colour(Enum):
    RED = "red"


class Raw(Enum):
    ONE = b"1"


class Plain(BaseModel):
    """Every kind of field that is plain."""

    id: int
    name: str | None = None
    ratio: float = 0.5
    on: bool = True
    at: datetime = datetime(2026, 11, 23, 17, 0, 0, 120, tzinfo=UTC)
    day: date = date(2026, 11, 23)
    hour: time = time(17, 30)
    price: Decimal = Decimal("1.50")
    key: UUID = UUID(int=7)
    colour: Colour = Colour.RED
    size: Literal["s", "l"] = "s"


class Extended(Plain):
    secret: str = "hidden"


class Crate(Model, table=True):
    id: int | None = Column(default=None, primary_key=True)
    label: str
    code: str = Column(default="", private=True)


class Box(BaseModel, Generic[T]):
    """A page of somebody else's."""

    items: list[T]
    total: int
    next: str | None = None


class Aliased(BaseModel):
    id: int
    name: str = Field(serialization_alias="title")


class Excluded(BaseModel):
    id: int
    name: str = Field(exclude=True)


class Computed(BaseModel):
    id: int
    name: str

    @computed_field
    def twice(self) -> int:
        return 2 * self.id


class Serialised(BaseModel):
    id: int
    name: str

    @field_serializer("name")
    def shout(self, name: str) -> str:
        return name.upper()


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: int
    name: str


class Strange(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")

    id: int
    ratio: float


class Nested(BaseModel):
    id: int
    inner: Plain


class Bytes(BaseModel):
    id: int
    data: bytes


class RawEnum(BaseModel):
    id: int
    raw: Raw


class Single(BaseModel):
    id: int


class Tree(BaseModel):
    id: int
    children: list[Tree]


class Cached(BaseModel):
    id: int
    name: str

    @cached_property
    def secret(self) -> str:
        return "hidden"


def looked_at() -> Cached:
    """Its own dict holds the secret now, in the place of the missing name."""
    item = Cached.model_construct(id=1)
    assert item.secret
    return item


def added_to() -> Plain:
    item = Plain(id=1)
    object.__setattr__(item, "secret", "hidden")
    return item


ITEMS = [Plain(id=1, name='é"\n\u2028'), Plain(id=2**70, ratio=float("nan"))]
ROWS = [Crate(id=1, label="a", code="x"), Crate(id=2, label="b", code="y")]


def written(annotation: Any, value: Any) -> bytes:
    write = writer(TypeAdapter(annotation))
    assert write is not None
    return write(value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Plain, ITEMS[0]),
        (list[Plain], ITEMS),
        (list[Plain], []),
        (Box[Plain], Box[Plain](items=ITEMS, total=2)),
        (list[Plain], [Plain(id=1), added_to()]),
        (list[Cached], [Cached(id=1, name="n")]),
    ],
)
def test_it_writes_what_pydantic_writes(annotation: Any, value: Any) -> None:
    """Byte for byte."""
    assert written(annotation, value) == TypeAdapter(annotation).dump_json(value)


@pytest.mark.parametrize("page", [Page(items=ROWS, total=2, limit=20, offset=0)])
def test_rows_show_their_public_columns(page: Page[Any]) -> None:
    """A private column stays in, alone, in a list and in a page."""
    shown = [{"id": 1, "label": "a"}, {"id": 2, "label": "b"}]
    assert json.loads(written(Public[Crate], ROWS[0])) == shown[0]
    assert json.loads(written(list[Public[Crate]], ROWS)) == shown
    expected = {"items": shown, "total": 2, "limit": 20, "offset": 0}
    assert json.loads(written(Page[Public[Crate]], page)) == expected


@pytest.mark.parametrize(
    "annotation",
    [Aliased, Excluded, Computed, Serialised, Open, Strange, Nested, Bytes, RawEnum, Single, Tree, RootModel[int], int],
)
def test_other_types_are_left_to_pydantic(annotation: Any) -> None:
    """What writes itself in its own way, or holds more than plain fields, has no quick way, alone or in a list."""
    assert writer(TypeAdapter(annotation)) is None
    assert writer(TypeAdapter(list[annotation])) is None
    assert writer(TypeAdapter(Box[annotation])) is None


def expired() -> Crate:
    row = Crate(id=1, label="a")
    del row.__dict__["label"]
    return row


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[Plain], [Plain(id=1), Extended(id=2)]),
        (list[Plain], tuple(ITEMS)),
        (list[Plain], [{"id": 1}]),
        (list[Plain], None),
        (Plain, {"id": 1}),
        (Plain, Plain.model_construct(id=object())),
        (Plain, Plain.model_construct(name="an id is missing")),
        (Plain, Plain.model_construct(**{**ITEMS[0].__dict__, "name": "\ud800"})),
        (list[Public[Crate]], [expired()]),
        (list[Cached], [looked_at()]),
        (Box[Plain], {"items": []}),
    ],
)
def test_other_values_are_left_to_validation(annotation: Any, value: Any) -> None:
    """Nothing is written of what is not plainly as promised."""
    with pytest.raises(Unexpected):
        written(annotation, value)
