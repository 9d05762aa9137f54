"""A row that is made is checked."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import PrivateAttr, ValidationError, field_validator
from sqlalchemy import JSON, Column, event, func, inspect
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import make_transient

from velox.db import Create, Field, Model, Relationship


class BuiltTeam(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(min_length=2, max_length=8)
    members: list[BuiltMember] = Relationship(back_populates="team")


class BuiltMember(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(default="nobody", max_length=8)
    age: int = Field(default=18, ge=0)
    pay: Decimal = Field(default=Decimal(1), max_digits=6, decimal_places=2)
    born_at: datetime = Field(default_factory=lambda: datetime(2000, 1, 1, tzinfo=UTC))
    tags: list[str] = Field(default_factory=list)
    team_id: int = Field(foreign_key="builtteam.id")
    team: BuiltTeam | None = Relationship(back_populates="members")


class BuiltElsewhere(Model, table=True):
    """The database, not the program, fills most of it in."""

    id: int = Field(primary_key=True)
    made_at: datetime = Field(sa_column_kwargs={"server_default": func.now()})
    kind: str = Field(sa_column_kwargs={"default": "kind"})
    note: str


class BuiltSecret(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(max_length=4, private=True)


class BuiltWatched(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    extra: dict[str, Any] = Field(sa_column=Column(MutableDict.as_mutable(JSON())))
    login: str = Field(alias="user-name")
    _seen: int = PrivateAttr(default=7)

    @field_validator("login")
    @classmethod
    def shout(cls, value: str) -> str:
        return value + "!"


HEARD: list[str] = []
event.listen(BuiltWatched.login, "set", lambda _row, value, *_: HEARD.append(value))


@pytest.mark.parametrize(
    ("make", "kind", "where"),
    [
        (lambda: BuiltTeam(name="abc", nmae="x"), "extra_forbidden", "nmae"),  # type: ignore[call-arg]
        (BuiltTeam, "missing", "name"),
        (lambda: BuiltTeam(name="a"), "string_too_short", "name"),
        (lambda: BuiltTeam(name=7), "string_type", "name"),  # type: ignore[arg-type]
        (lambda: BuiltMember(age="many", team_id=1), "int_parsing", "age"),  # type: ignore[arg-type]
        (lambda: BuiltMember(age=-1, team_id=1), "greater_than_equal", "age"),
        (lambda: BuiltMember(age=2**63, team_id=1), "less_than_equal", "age"),
        (lambda: BuiltMember(pay=Decimal("1.234"), team_id=1), "decimal_max_places", "pay"),
        (lambda: BuiltMember(born_at=datetime(2000, 1, 1), team_id=1), "timezone_aware", "born_at"),  # noqa: DTZ001
        (lambda: BuiltMember(team_id=None), "int_type", "team_id"),  # type: ignore[arg-type]
        (BuiltElsewhere, "missing", "note"),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Model], kind: str, where: str) -> None:
    """SQLModel takes all of these, and drops, stores or forgets them."""
    with pytest.raises(ValidationError) as caught:
        make()
    assert [(kind, (where,))] == [(error["type"], error["loc"]) for error in caught.value.errors()]


def test_values_are_what_the_fields_say() -> None:
    """Converted as in any pydantic model; moments in UTC, as they are read; defaults made anew for each row."""
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    row = BuiltMember(age="7", born_at=noon, team_id=1)  # type: ignore[arg-type]
    other = BuiltMember(team_id=1)
    assert (7, "nobody", []) == (row.age, row.name, row.tags)
    assert "datetime.datetime(2026, 1, 1, 10, 0, tzinfo=datetime.timezone.utc)" == repr(row.born_at)
    assert row.tags is not other.tags
    assert {"age", "born_at", "team_id"} == row.model_fields_set


def test_what_others_set_later_may_be_missing() -> None:
    """A foreign key, which a relationship may set, and what the database fills in."""
    team = BuiltTeam(name="red", members=[BuiltMember(name="a")])  # type: ignore[call-arg]
    member = BuiltMember(name="b", team=team)  # type: ignore[call-arg]
    elsewhere = BuiltElsewhere(note="n")  # type: ignore[call-arg]
    assert ["a", "b"] == [one.name for one in team.members]
    assert member.team is team
    assert {"note"} == elsewhere.__dict__.keys() & BuiltElsewhere.model_fields.keys()


def test_a_made_row_looks_to_sqlalchemy_as_if_each_value_had_been_set() -> None:
    """Its history, so that whoever listens to a flush sees what is new."""
    row = BuiltTeam(name="red")
    state = inspect(row)
    assert state.modified
    assert (["red"], ()) == (state.attrs.name.history.added, state.attrs.name.history.deleted)
    again = pickle.loads(pickle.dumps(BuiltTeam(name="red")))
    make_transient(again)
    assert "red" == again.name


def test_who_listens_to_an_attribute_hears_of_it() -> None:
    """A mutable JSON column becomes one that notices changes; private attributes and aliases are as in SQLModel."""
    row = BuiltWatched(**{"extra": {"a": 1}, "user-name": "ada"})  # type: ignore[arg-type]
    assert isinstance(row.extra, MutableDict)
    assert ("ada", 7) == (row.login, row._seen)
    assert "bob" == BuiltWatched(extra={}, login="bob").login  # type: ignore[call-arg]
    assert ["ada", "bob"] == HEARD[-2:]


def test_validators_of_the_class_run_once_where_input_comes_in() -> None:
    """Not again when the row is made of it: not every validator can be run twice."""
    body = Create[BuiltWatched].model_validate({"extra": {}, "user-name": "ada"})
    assert "ada!" == BuiltWatched.from_(body).login


def test_a_row_is_made_by_model_validate_as_before() -> None:
    assert "red" == BuiltTeam.model_validate({"name": "red"}).name
    with pytest.raises(ValidationError):
        BuiltTeam.model_validate({"name": "r"})


def test_a_private_value_is_not_in_the_error() -> None:
    """Errors are logged."""
    with pytest.raises(ValidationError) as caught:
        BuiltSecret(digest="hunter2")
    assert "hunter2" not in str(caught.value)
