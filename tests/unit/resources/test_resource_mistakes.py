"""Mistakes in a resource's declaration are found where it is declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from velox import ConfigurationError
from velox.db import Field, Model
from velox.resources import Action, Resource


class Mistaken(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = ""
    secret: str = Field(default="", private=True)
    tags: list[str] = Field(default_factory=list)


class MistakenPair(Model, table=True):
    one: int = Field(primary_key=True)
    two: int = Field(primary_key=True)


class MistakenLimit(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    limit: int = Field(default=0, index=True)


REMOVE: Any = "remove"


class WithKey(BaseModel):
    id: int


@pytest.mark.parametrize(
    ("declare", "code", "said"),
    [
        (lambda: Resource(WithKey, "/x"), "VX416", "WithKey is no table class"),
        (lambda: Resource(MistakenPair, "/x"), "VX416", "several columns"),
        (lambda: Resource(Mistaken, "/x", update=WithKey), "VX416", "has the primary key 'id'"),
        (lambda: Resource(Mistaken, "/x", rules={REMOVE: Action()}), "VX416", "no action 'remove'"),
        (lambda: Resource(Mistaken, "/x", actions=["bulk"], require_if_match=True), "VX416", "bulk has none"),
        (lambda: Resource(Mistaken, "/x", sortable=["nmae"]), "VX417", "cannot sort by 'nmae'"),
        (lambda: Resource(Mistaken, "/x", filterable=["secret"]), "VX417", "it is private"),
        (lambda: Resource(Mistaken, "/x", sortable=["tags"]), "VX417", "cannot sort by 'tags'"),
        (lambda: Resource(Mistaken, "/x", searchable=["id"]), "VX417", "it is no text"),
        (lambda: Resource(Mistaken, "/x", expand=["name"]), "VX417", "it is no relationship"),
        (lambda: Resource(MistakenLimit, "/x"), "VX417", "a parameter of that name"),
    ],
)
def test_mistakes(declare: Callable[[], Any], code: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        declare()
    assert caught.value.code == code


def test_what_the_public_schema_hides_is_no_filter() -> None:
    """An index alone does not let a client ask for what it does not see."""

    class Shown(BaseModel):
        id: int

    class MistakenHidden(Model, table=True):
        id: int | None = Field(default=None, primary_key=True)
        hidden: str = Field(default="", index=True)

    fields = Resource(MistakenHidden, "/x", public=Shown).definition.questions.paged.model_fields
    assert "id" in fields
    assert "hidden" not in fields
