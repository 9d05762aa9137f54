"""``Model`` and ``Field``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Optional

import pytest
from sqlalchemy import Column, String, UniqueConstraint

from velox import ConfigurationError
from velox.db import Field, Model, NotLoaded, Relationship
from velox.db.field import Visibility, visibility
from velox.db.loading import relationship_annotation
from velox.db.types import ExactDecimal

LIST: Any = list  # to write list["Hero"] where there is no Hero
OPTIONAL: Any = Optional


class ModelParent(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=20)
    amount: Decimal = Field(default=Decimal(0), max_digits=8, decimal_places=2)
    tags: list[str] = Field(default_factory=list)
    extra: dict[str, int] | None = None
    children: list[ModelChild] = Relationship(back_populates="parent")


class ModelChild(Model, table=True):
    __table_args__ = (UniqueConstraint("parent_id", "rank"),)
    __mapper_args__ = {"confirm_deleted_rows": True}

    id: int | None = Field(default=None, primary_key=True)
    rank: int = Field(default=0, index=True)
    parent_id: int | None = Field(default=None, foreign_key="modelparent.id", ondelete="CASCADE")
    parent: ModelParent | None = Relationship(back_populates="children")


def test_every_constraint_has_a_name() -> None:
    """A migration cannot drop one without."""
    names = {str(constraint.name) for constraint in ModelChild.__table__.constraints}
    assert {"pk_modelchild", "uq_modelchild_parent_id_rank", "fk_modelchild_parent_id_modelparent"} == names
    assert {"ix_modelchild_rank"} == {index.name for index in ModelChild.__table__.indexes}
    assert "uq_modelparent_name" in {constraint.name for constraint in ModelParent.__table__.constraints}


def test_columns_get_types_that_keep_their_values() -> None:
    """Also where SQLModel would round (Decimal) or refuse (list, dict)."""
    types = {column.name: type(column.type).__name__ for column in ModelParent.__table__.columns}
    assert (types["amount"], types["tags"], types["extra"]) == ("ExactDecimal", "TypedJSON", "TypedJSON")
    amount = ModelParent.__table__.c.amount.type
    assert isinstance(amount, ExactDecimal)
    assert (amount.precision, amount.scale) == (8, 2)


def test_a_class_with_mapper_arguments_of_its_own_keeps_ours() -> None:
    """What the database computes is still fetched with the write."""
    assert ModelChild.__mapper__.eager_defaults is True
    assert ModelChild.__mapper__.confirm_deleted_rows is True


def test_relationships_work_under_postponed_annotations() -> None:
    """As this module has them."""
    child = ModelChild(parent=ModelParent(name="p"))
    assert child.parent is not None
    assert [child] == child.parent.children


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Hero", "Hero"),
        ("'Hero'", "Hero"),
        ("models.Hero", "Hero"),
        ("list[Hero]", LIST["Hero"]),
        ("List['Hero']", LIST["Hero"]),
        ("Hero | None", OPTIONAL["Hero"]),
        ("None | Hero", OPTIONAL["Hero"]),
        ("Optional[Hero]", OPTIONAL["Hero"]),
    ],
)
def test_a_relationships_annotation_is_read_without_its_class(text: str, meaning: object) -> None:
    """The other class may not exist yet."""
    assert meaning == relationship_annotation(text)


def test_not_loaded_names_the_relationship_and_both_fixes() -> None:
    """The message is for copying from."""
    message = str(NotLoaded("Team", "heroes"))
    assert "Team.heroes was not loaded" in message
    assert "select(Team).options(selectinload(Team.heroes))" in message
    assert "await db.refresh(row, ['heroes'])" in message


def test_a_field_says_who_sets_and_who_sees_it() -> None:
    """By default, the client does both."""

    class Account(Model):
        name: str = Field(max_length=5)
        digest: str = Field(default="", server_set=True, private=True)

    assert Visibility() == visibility(Account.model_fields["name"])
    assert Visibility(server_set=True, private=True) == visibility(Account.model_fields["digest"])


def test_a_field_takes_what_sqlmodels_takes() -> None:
    """Columns of one's own and extra arguments included; what contradicts itself is refused as there."""

    class FieldOptionsTable(Model, table=True):
        id: int | None = Field(default=None, primary_key=True)
        code: str = Field(sa_column=Column("kode", String(3), unique=True))
        memo: str = Field(default="", schema_extra={"examples": ["a"]}, sa_column_kwargs={"server_default": "-"})

    assert "kode" in FieldOptionsTable.__table__.c
    assert FieldOptionsTable.model_fields["memo"].examples == ["a"]
    with pytest.raises(RuntimeError, match="sa_column"):
        Field(sa_column=Column(String), index=True)


def test_a_decimal_that_a_double_cannot_keep_is_refused_when_it_is_written() -> None:
    """Never rounded behind one's back."""
    from sqlalchemy.dialects import postgresql, sqlite

    exact = ExactDecimal(20, 2)
    assert exact.process_bind_param(Decimal("0.1"), sqlite.dialect()) == 0.1
    assert exact.process_bind_param(None, sqlite.dialect()) is None
    with pytest.raises(ValueError, match="15 significant digits"):
        exact.process_bind_param(Decimal("123456789012345678.91"), sqlite.dialect())
    assert Decimal("123456789012345678.91") == exact.process_bind_param(
        Decimal("123456789012345678.91"), postgresql.dialect()
    )


def test_two_tables_of_one_name_are_both_named() -> None:
    """Not ``extend_existing``, which would make one table of both."""
    with pytest.raises(
        ConfigurationError, match=r"VX403 .*test_model.py:\d+: .*Again .*ModelParent, .*test_model.py:\d+"
    ):

        class Again(Model, table=True):
            __tablename__ = "modelparent"
            id: int | None = Field(default=None, primary_key=True)


def test_a_table_needs_a_primary_key() -> None:
    with pytest.raises(ConfigurationError, match=r"VX403 .*test_model.py:\d+: .*Keyless .*primary_key=True"):

        class Keyless(Model, table=True):
            name: str
