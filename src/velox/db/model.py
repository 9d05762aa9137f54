"""``Model``: a SQLModel table class with names for its constraints, and nothing loaded behind your back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import BigInteger, Integer, MetaData, event
from sqlalchemy.exc import ArgumentError, InvalidRequestError
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from velox.db.borrowed import FieldInfo as SQLModelFieldInfo
from velox.db.borrowed import (
    FieldInfoMetadata,
    SQLModelMetaclass,
    finish_init,
    get_field_metadata,
    get_sa_type_from_field,
)
from velox.db.construction import construct
from velox.db.field import Field
from velox.db.loading import NOT_LOADED, relationship_annotation
from velox.db.placement import Placement, place
from velox.db.shards.sharded import make_sharded
from velox.db.stored import take_stored_form
from velox.db.types import ExactDecimal, TypedJSON
from velox.errors import ConfigurationError
from velox.location import location_of

__all__ = ["NAMING_CONVENTION", "Model", "below"]

# A constraint without a name cannot be dropped by a migration.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, SQLModelFieldInfo))
class _ModelMeta(SQLModelMetaclass):
    """SQLModel's metaclass; it tells type checkers what our ``Field`` is, and reads postponed annotations of
    relationships.
    """

    def __new__(
        cls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        database: str | None = None,
        shard_by: str | None = None,
        **kwargs: Any,
    ) -> Any:
        made = super().__new__(cls, name, bases, namespace, **kwargs)
        if database is not None or shard_by is not None:
            type.__setattr__(made, "__velox_placement__", Placement(database, shard_by))
        return made

    def __init__(
        cls,  # noqa: N805
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        database: str | None = None,
        shard_by: str | None = None,
        **kwargs: Any,
    ) -> None:
        for relationship in cls.__sqlmodel_relationships__:
            annotation = cls.__annotations__[relationship]
            if isinstance(annotation, str):
                cls.__annotations__[relationship] = relationship_annotation(annotation)
        try:
            super().__init__(name, bases, namespace, **kwargs)
        except (InvalidRequestError, ArgumentError) as error:
            raise _explained(cls, error) or error from None
        placement = getattr(cls, "__velox_placement__", None)
        if placement is not None and "__table__" in cls.__dict__:
            place(cls.__dict__["__table__"], placement)
            if placement.shard_by is not None:
                make_sharded(cls, placement.shard_by)


class Model(SQLModel, metaclass=_ModelMeta, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """The base of table classes: ``class Link(Model, table=True)``.

    It is SQLModel's, with these differences: constraints get names; what the database computes (server defaults,
    ``onupdate``) is fetched with the write, so that a row is always complete; a relationship that was not loaded raises
    :class:`~velox.db.NotLoaded`; ``list`` and ``dict`` become JSON columns, whose items come back as what the
    annotation says; a Decimal is exact; a written row has its values in the form in which they are read.

    Unlike in SQLModel, a row that is made is checked: an unknown name, a missing value and one that does not fit its
    field raise pydantic's ``ValidationError``. A foreign key, and what the database fills in, may be missing for now.
    Rows that are read are not checked again, nor is what is assigned to an attribute; the class' own
    ``@field_validator`` functions run where input comes in, in ``Create[T]`` and ``Update[T]``. A ``datetime`` column
    stores UTC and refuses naive values when they are written (since SQLModel 0.0.45); use ``datetime.now(UTC)``,
    or annotate with pydantic's ``NaiveDatetime`` to store local times as they are. A JSON column sees an assigned
    value, not a changed one: write ``row.tags = [*row.tags, "new"]``.

    ``class Event(Model, table=True, database="analytics")`` is in another database of the setting ``databases``, and
    ``class Order(Model, table=True, shard_by="user_id")`` is spread over those of the setting ``shards``. A base class
    without ``table=True`` says it for all its subclasses.
    """

    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": True}

    if TYPE_CHECKING:
        __table__: ClassVar[Any]
        __mapper__: ClassVar[Any]

    def __init__(self, /, **values: Any) -> None:
        if not type(self).model_config.get("table"):
            super().__init__(**values)
        elif finish_init.get():  # else SQLModel's model_validate is about to fill the row in
            construct(self, values)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        # A class's own __mapper_args__ hides the inherited one.
        cls.__mapper_args__ = {**Model.__mapper_args__, **cls.__mapper_args__}
        for relationship in cls.__sqlmodel_relationships__.values():
            if relationship.sa_relationship is None:
                relationship.sa_relationship_kwargs = {
                    "lazy": NOT_LOADED,
                    **(relationship.sa_relationship_kwargs or {}),
                }
        for field in cls.__pydantic_fields__.values():
            _choose_column_type(field)

    @classmethod
    def from_(cls, body: BaseModel, /, **server_set: Any) -> Self:
        """Make a row of a validated body and of what the server adds.

        Args:
            body: An instance of ``Create[T]``, or of any model; its fields that are no columns are left out.
            **server_set: Columns that the client does not set. They win over the body's.

        Raises:
            TypeError: A name in ``server_set`` is no field or relationship of the class.
        """
        if unknown := server_set.keys() - cls.model_fields.keys() - cls.__sqlmodel_relationships__.keys():
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        values = {name: value for name, value in body.__dict__.items() if name in cls.model_fields}
        return cls(**{**values, **server_set})

    def apply(self, body: BaseModel, /) -> Self:
        """Set what ``body`` (an ``Update[T]``) was given, and only that: a field left out keeps its value."""
        fields = type(self).model_fields
        for name in body.model_fields_set:
            if name in fields:
                setattr(self, name, getattr(body, name))
        return self


event.listen(Model, "after_insert", take_stored_form, propagate=True)
event.listen(Model, "after_update", take_stored_form, propagate=True)


def _explained(cls: Any, error: Exception) -> ConfigurationError | None:
    """What SQLAlchemy says about the table of ``cls``, with the place and a fix that fits; ``None`` for all else."""
    here = f"{location_of(cls)}: {cls.__module__}.{cls.__name__}"
    if "is already defined for this MetaData" in str(error):
        table = cls.__tablename__
        others = [one for one in below(Model) if getattr(one.__dict__.get("__table__"), "name", None) == table]
        names = " and ".join(f"{other.__module__}.{other.__name__}, {location_of(other)}" for other in others)
        return ConfigurationError(
            "VX403",
            f"{here} has the table {table!r}, which is there already ({names or 'as a Table'})",
            hint=f'Give one of them another name: __tablename__ = "other_{table}"',
        )
    if "could not assemble any primary key" in str(error):
        return ConfigurationError(
            "VX403",
            f"{here} is a table without a primary key",
            hint="Add one: id: int | None = Field(default=None, primary_key=True)",
        )
    return None


def below(cls: type[Model]) -> Iterator[type[Model]]:
    """All subclasses, and theirs."""
    subclasses: list[type[Model]] = type.__subclasses__(cls)
    for subclass in subclasses:
        yield subclass
        yield from below(subclass)


def _choose_column_type(field: FieldInfo) -> None:
    """Give an int, Decimal, list or dict field without a type of its own the column type that keeps it."""
    metadata = next((item for item in field.metadata if isinstance(item, FieldInfoMetadata)), None)
    if metadata is not None and (metadata.sa_type, metadata.sa_column) != (PydanticUndefined, PydanticUndefined):
        return
    try:
        kind = get_sa_type_from_field(field)
    except ValueError:
        return  # a union or the like: SQLModel says so itself, if the class is a table
    kind = get_origin(kind) or kind
    if kind is int:
        # SQLite's INTEGER has 64 bits, and is the only type that numbers rows by itself; a server's has 32.
        chosen: Any = BigInteger().with_variant(Integer(), "sqlite")
    elif kind is Decimal:
        digits = get_field_metadata(field)
        chosen = ExactDecimal(getattr(digits, "max_digits", None), getattr(digits, "decimal_places", None))
    elif kind in (list, dict):
        chosen = TypedJSON(field.annotation)
    else:
        return
    if metadata is None:
        field.metadata.append(FieldInfoMetadata(sa_type=chosen))
    else:
        metadata.sa_type = chosen
