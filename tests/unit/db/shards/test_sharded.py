"""Models that cannot be on shards, or in two databases, are refused with what to change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ForeignKeyConstraint, MetaData, UniqueConstraint
from sqlalchemy.orm import registry

from tests.sharded_models import Base, Item, Order
from velox.db import Database, Field, Model
from velox.db.model import NAMING_CONVENTION
from velox.db.placement import check_references
from velox.db.shards.sharded import BUCKET, check_sharded
from velox.errors import ConfigurationError


def fresh() -> registry:
    """With a MetaData of its own."""
    return registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))


def test_a_fit_model_has_a_bucket_that_the_class_does_not_show() -> None:
    check_sharded(Base.metadata)
    check_references(Base.metadata)
    assert BUCKET in Order.__table__.c
    assert BUCKET not in Order.model_fields
    assert Item.__table__.c[BUCKET].index


def test_an_id_that_each_shard_would_count_for_itself_is_refused() -> None:
    class Local(Model, registry=fresh()):
        pass

    class Counted(Local, table=True, shard_by="user_id"):
        id: int | None = Field(default=None, primary_key=True)
        user_id: int

    with pytest.raises(ConfigurationError, match=r"VX435 the primary key of counted \(id\) is not unique .* UUID"):
        check_sharded(Local.metadata)


def test_what_is_unique_on_each_shard_only_is_refused() -> None:
    class Local(Model, registry=fresh()):
        pass

    class Slugged(Local, table=True, shard_by="user_id"):
        __table_args__ = (UniqueConstraint("slug"),)
        id: UUID | None = Field(default=None, primary_key=True)
        user_id: int
        slug: str

    with pytest.raises(ConfigurationError, match=r"VX435 slugged: unique \(slug\) .* Add user_id to it"):
        check_sharded(Local.metadata)


def test_a_reference_without_the_shard_key_is_refused() -> None:
    """A row of another user would be on another shard."""

    class Local(Model, registry=fresh()):
        pass

    class Page(Local, table=True, shard_by="user_id"):
        user_id: int = Field(primary_key=True)
        slug: str = Field(primary_key=True)
        twin: str | None = None

    class Comment(Local, table=True, shard_by="user_id"):
        __table_args__ = (ForeignKeyConstraint(["author_id", "slug"], ["page.user_id", "page.slug"]),)
        id: UUID | None = Field(default=None, primary_key=True)
        user_id: int
        author_id: int
        slug: str

    with pytest.raises(ConfigurationError, match=r"VX435 comment.author_id, slug refers to page without its shard key"):
        check_sharded(Local.metadata)


@pytest.mark.parametrize(
    ("shard_by", "said"), [("owner", "no field 'owner'"), ("ratio", "cannot be"), ("maybe", "cannot be a shard key")]
)
def test_a_shard_key_has_to_be_there_and_to_have_one_form(shard_by: str, said: str) -> None:
    class Local(Model, registry=fresh()):
        pass

    with pytest.raises(ConfigurationError, match=rf"VX435 .*test_sharded.py.*{said}"):

        class Keyed(Local, table=True, shard_by=shard_by):
            id: UUID | None = Field(default=None, primary_key=True)
            ratio: float
            maybe: int | None = None


def test_a_model_is_not_in_a_database_and_on_the_shards() -> None:
    class Local(Model, registry=fresh()):
        pass

    with pytest.raises(ConfigurationError, match=r"VX435 .* Keep database= or shard_by="):

        class Twice(Local, table=True, shard_by="user_id", database="analytics"):
            id: UUID | None = Field(default=None, primary_key=True)
            user_id: int


def test_a_reference_into_another_database_names_both_tables() -> None:
    class Local(Model, registry=fresh()):
        pass

    class Person(Local, table=True):
        id: int | None = Field(default=None, primary_key=True)

    class Visit(Local, table=True, database="analytics"):
        id: int | None = Field(default=None, primary_key=True)
        person_id: int = Field(foreign_key="person.id")

    with pytest.raises(ConfigurationError, match=r"VX431 visit.person_id refers to person, .* visit is in the"):
        check_references(Local.metadata)


def test_a_base_class_says_the_place_of_all_below_it() -> None:
    class Local(Model, registry=fresh()):
        pass

    class Analytics(Local, database="analytics"):
        pass

    class Click(Analytics, table=True):
        id: int | None = Field(default=None, primary_key=True)

    with pytest.raises(ConfigurationError, match=r"VX430 .*'analytics'.* VELOX_DATABASES__ANALYTICS"):
        Database("sqlite://", databases={"reports": "sqlite://"}).parts(Local.metadata)
    parts = Database("sqlite://", databases={"analytics": "sqlite://"}).parts(Local.metadata)
    assert [(part.name, list(part.metadata.tables)) for part in parts] == [("", []), ("analytics", ["click"])]


@pytest.mark.parametrize(
    "given",
    [
        {"databases": {"shards": "sqlite://"}},
        {"databases": {"a-b": "sqlite://"}},
        {"databases": {"a": "sqlite://"}, "shards": {"a": "sqlite://"}},
        {"shards": {"a": "mariadb://root@localhost/a"}},
    ],
)
def test_a_name_that_means_two_things_and_a_server_that_cannot_be_a_shard_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"VX430"):
        Database("sqlite://", **given)
