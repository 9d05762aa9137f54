"""The short way to the bytes shows what the long way shows."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

from velox.routing.projection import Unexpected, projection

T = TypeVar("T")


class Item(BaseModel):
    id: int


class SecretItem(Item):
    secret: str


class Page(BaseModel, Generic[T]):
    items: list[T]


def project(annotation: Any, value: Any) -> Any:
    found = projection(annotation)
    assert found is not None
    return found(value)


def test_a_list_of_the_models_instances_is_written_as_it_is() -> None:
    """Nothing is copied when there is nothing to leave out."""
    items = [Item(id=1), Item(id=2)]
    assert project(list[Item], items) is items


def test_a_list_with_something_else_in_it_is_validated() -> None:
    """One item of another shape is enough."""
    with pytest.raises(Unexpected):
        project(list[Item], [Item(id=1), {"id": 2}])


@pytest.mark.parametrize("value", [(Item(id=1),), {"id": 1}, None])
def test_another_thing_than_a_list_is_validated(value: Any) -> None:
    """A tuple, a dict or nothing is not the promised list."""
    with pytest.raises(Unexpected):
        project(list[Item], value)


@pytest.mark.parametrize("items", [[], [SecretItem(id=1, secret="s")], [Item(id=1), SecretItem(id=2, secret="s")]])
def test_subclasses_in_a_list_pass(items: list[Item]) -> None:
    """pydantic writes only the annotated class's fields of them."""
    assert project(list[Item], items) == items


def test_each_page_of_a_list_is_projected() -> None:
    """Pages are looked into, also when they are all of the annotated class: their items decide."""
    broken = Page[Item].model_construct(items=["not an item"])
    with pytest.raises(Unexpected):
        project(list[Page[Item]], [broken])
