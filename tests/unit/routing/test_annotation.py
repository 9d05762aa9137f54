"""Which types one string on the wire can carry, and which need a document."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntFlag
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar
from uuid import UUID

import pydantic
import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType, TypedDict

from velox.routing.annotation import (
    base_type,
    field_alias,
    is_collection,
    is_scalar,
    is_scalar_collection,
    is_structure,
    without_alias,
)

T = TypeVar("T")


class Item(BaseModel):
    name: str


class Box(BaseModel, Generic[T]):
    content: T


@dataclass
class Point:
    x: int


class Span(TypedDict):
    start: int


class Flags(IntFlag):
    A = 1


class Colour(Enum):
    RED = "red"


class Name(str):
    __slots__ = ()


Number = NewType("Number", int)
Alias = TypeAliasType("Alias", int | None)

SCALARS = [
    int, str, bool, float, bytes, datetime, Decimal, UUID, Path, ipaddress.IPv4Address, Colour, Flags, Name, Number,
    Alias, Literal["a"], int | str, int | None, Annotated[int, Field(ge=1)], pydantic.AnyUrl, pydantic.SecretStr,
]  # fmt: skip
STRUCTURES = [
    Item, Box[int], Point, Span, dict, list, dict[str, int], list[Item], Mapping[str, int], Sequence[Item],
    Item | Point, tuple[Item, int],
]  # fmt: skip


@pytest.mark.parametrize("annotation", SCALARS, ids=str)
def test_scalars(annotation: Any) -> None:
    assert is_scalar(annotation)
    assert not is_structure(base_type(annotation))


@pytest.mark.parametrize("annotation", STRUCTURES, ids=str)
def test_structures(annotation: Any) -> None:
    assert is_structure(annotation)
    assert not is_scalar(annotation)
    assert not is_scalar_collection(annotation)


@pytest.mark.parametrize("annotation", [object, type(None), Any], ids=str)
def test_neither(annotation: Any) -> None:
    assert not is_scalar(annotation)
    assert not is_structure(annotation)


@pytest.mark.parametrize(
    "annotation", [list[int], set[Colour], tuple[int, ...], Sequence[Number], frozenset[str]], ids=str
)
def test_collections_of_scalars(annotation: Any) -> None:
    assert is_collection(annotation)
    assert is_scalar_collection(annotation)


@pytest.mark.parametrize(
    "annotation",
    [int, int | None, Annotated[int, 1], Annotated[int | None, 1], Number, Alias, Annotated[Number, 1] | None],
)
def test_the_base_of_a_type_is_what_is_left(annotation: Any) -> None:
    assert base_type(annotation) is int


def test_an_alias_is_read_and_taken_off() -> None:
    annotation: Any = Annotated[int, Field(alias="wire", ge=1)]
    assert field_alias(annotation.__metadata__) == "wire"
    bare = without_alias(annotation)
    assert field_alias(bare.__metadata__) is None
    assert pydantic.TypeAdapter(bare).json_schema() == {"minimum": 1, "type": "integer"}
    assert field_alias(annotation.__metadata__) == "wire"
