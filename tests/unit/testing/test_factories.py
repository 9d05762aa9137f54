"""Factories make valid rows of any model, and say which value they cannot know."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from sqlalchemy import JSON

from velox.db import Database, Field, Model, Relationship, select
from velox.errors import ConfigurationError
from velox.testing import factory


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class MadeTeam(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(min_length=20, max_length=30, unique=True)


class MadePlayer(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    url: str = Field(pattern=r"^https?://[a-z.]+/\d+$", max_length=100)
    age: int = Field(ge=18, lt=21)
    even: int = Field(multiple_of=2, gt=0)
    weight: float = Field(gt=40, le=41)
    price: Decimal = Field(ge=0, max_digits=5, decimal_places=2)
    colour: Colour
    born: date
    seen: datetime
    wakes: time
    runs: timedelta
    good: bool
    token: UUID
    photo: bytes = Field(max_length=4)
    tags: list[str] = Field(sa_type=JSON)
    nickname: str | None = None
    team_id: int = Field(foreign_key="madeteam.id")
    team: MadeTeam = Relationship()


class MadeVisit(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="madeteam.id")


class MadeCode(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(pattern=r"^[!?]{3}$")


async def test_rows_of_every_type_are_valid_and_can_be_stored() -> None:
    """The parent comes along, and a given value stays."""
    database = Database("sqlite://")
    await database.start()
    await database.create_tables()
    async with database.session() as db:
        players = factory(MadePlayer)
        await db.add(players(name="Ada"))
        for player in players.many(5):
            await db.add(player)
        rows = (await db.exec(select(MadePlayer))).all()
        assert ["Ada"] == [row.name for row in rows if not row.name.startswith("name")]
        assert {18, 19, 20} == {row.age for row in rows}
        assert 6 == len({row.team_id for row in rows}) == len({row.name for row in rows})
        assert all(row.nickname is None for row in rows)
    await database.stop()


def test_the_same_seed_makes_the_same_rows() -> None:
    first, again, other = (factory(MadePlayer, seed=seed).many(3) for seed in (1, 1, 2))
    assert [row.model_dump() for row in first] == [row.model_dump() for row in again]
    assert [row.model_dump() for row in first] != [row.model_dump() for row in other]


def test_a_parent_that_is_given_is_taken() -> None:
    team = factory(MadeTeam)(name="the team of them all")
    assert {team.name} == {player.team.name for player in factory(MadePlayer).many(2, team=team)}
    assert factory(MadeVisit)(team_id=7).team_id == 7


@pytest.mark.parametrize(
    ("model", "given", "field"),
    [
        (MadeCode, {}, "MadeCode.code"),
        (MadeVisit, {}, "MadeVisit.team_id"),
        (MadePlayer, {"age": 3}, "MadePlayer.age"),
    ],
)
def test_what_cannot_be_known_is_named(model: type[Model], given: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"VX445 .*{field}"):
        factory(model)(**given)


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no such field"):
        factory(MadeTeam)(nmae="x")


def test_one_of_the_choices_is_taken() -> None:
    class Signal(Model):
        light: Literal["red", "green"]

    from velox.testing.factories import _Value

    assert _Value(MadeTeam, "light", 1, 0).of(Signal.model_fields["light"]) in {"red", "green"}
