"""What a sharded table has that others have not: a bucket in each row, and keys that belong to it.

Every row is in the bucket of its shard key, and so is every row that it refers to and every row that refers to it. That
is what makes a join, a foreign key and a unique constraint on one shard as good as on one database.

============================  ====================================================================================
a primary key                 has the shard key in it, or is a UUID that tells its bucket
a unique constraint           has the shard key in it
a reference to a sharded row  is to such a UUID, or takes the shard key along
============================  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, MetaData, SmallInteger, Table, UniqueConstraint, event, inspect

from velox.db.placement import placement_of
from velox.db.shards.buckets import bucket_of, bucket_of_id, new_id
from velox.errors import ConfigurationError
from velox.location import location_of

__all__ = ["BUCKET", "Misplaced", "Sharded", "check_sharded", "make_sharded", "sharded"]

BUCKET = "velox_bucket"
"""The column that keeps a row's bucket; the class does not have it."""

_INFO = "velox_sharded"
_KEY_TYPES = (int, str, UUID)


class Misplaced(ConfigurationError):
    """A row, or a statement, that has no place among the databases: VX431 to VX436."""


@dataclass(frozen=True, slots=True)
class Sharded:
    """A table's columns that tell the bucket.

    Args:
        table: The table.
        key: The column of the shard key.
    """

    table: Table
    key: str
    own_id: str | None = field(init=False)
    """The primary key, if it is a single UUID that is not the shard key: then it tells its bucket."""

    def __post_init__(self) -> None:
        keys = list(self.table.primary_key.columns)
        own = keys[0].name if len(keys) == 1 and keys[0].name != self.key and _python(keys[0]) is UUID else None
        object.__setattr__(self, "own_id", own)

    def telling(self) -> Iterator[tuple[str, str]]:
        """The columns that tell the bucket, and how: ``key`` by its hash, ``id`` as it is."""
        yield self.key, "key"
        if self.own_id is not None:
            yield self.own_id, "id"
        for column in self.references():
            yield column, "id"

    def references(self) -> Iterator[str]:
        """The columns that hold the id of another sharded row, which must be in the same bucket."""
        for reference in self.table.foreign_key_constraints:
            other = sharded(reference.referred_table)
            if other is not None and [item.column.name for item in reference.elements] == [other.own_id]:
                yield reference.columns[0].name

    def key_bucket(self, value: Any) -> int:
        """The bucket of a shard key.

        Raises:
            Misplaced: VX436, it is none of this table's type.
        """
        wanted = _python(self.table.c[self.key])
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise Misplaced(
                "VX436",
                f"{value!r} as {self.table.name}.{self.key} tells no shard",
                hint=f"Give the {wanted.__name__} that it belongs to.",
            )
        return bucket_of(value)  # type: ignore[arg-type]  # it is one of the types of a shard key

    def bucket(self, values: Mapping[str, Any]) -> int:
        """The bucket of a row with these values by column.

        Raises:
            Misplaced: VX436, it has no shard key, or one of another type.
        """
        return self.key_bucket(values.get(self.key))

    def settle(self, values: Mapping[str, Any]) -> UUID | None:
        """Check that a row is where it says; the id that it gets, if it has none yet.

        Raises:
            Misplaced: VX436, its id or a row that it refers to is in another bucket.
        """
        bucket = self.bucket(values)
        columns = [*self.references(), *([self.own_id] if self.own_id is not None else [])]
        for column in columns:
            given = values.get(column)
            if isinstance(given, UUID) and bucket_of_id(given) != bucket:
                raise Misplaced(
                    "VX436",
                    f"{self.table.name}.{column} = {given} belongs to another {self.key} than {values[self.key]!r}",
                    hint=f"A row and those that it refers to have one {self.key}; leave the row's own id to Velox.",
                )
        return new_id(bucket) if self.own_id is not None and values.get(self.own_id) is None else None


def sharded(table: Any) -> Sharded | None:
    """What tells the bucket in ``table`` (or the table of an alias); ``None`` if it is on no shard."""
    found: Sharded | None = getattr(getattr(table, "element", table), "info", {}).get(_INFO)
    return found


def make_sharded(cls: Any, shard_by: str) -> None:
    """Spread the table of ``cls`` over the shards.

    Raises:
        ConfigurationError: VX435, ``shard_by`` is no field that can be a shard key.
    """
    table: Table = cls.__table__
    here = f"{location_of(cls)}: {cls.__module__}.{cls.__name__}"
    columns = cls.__mapper__.columns
    if shard_by not in columns:
        raise _unfit(f"{here} has no field {shard_by!r} to shard by", f"Its fields: {', '.join(columns.keys())}.")
    if placement_of(table).database is not None:
        raise _unfit(f"{here} is to be in a database and on the shards", "Keep database= or shard_by=, not both.")
    key = columns[shard_by]
    if _python(key) not in _KEY_TYPES or key.nullable:
        raise _unfit(
            f"{here}: {shard_by} cannot be a shard key", "A shard key is an int, a str or a UUID, and never None."
        )
    table.info[_INFO] = Sharded(table, key.name)
    # Unmapped: rows of the class do not have it, and a write of any kind fills it in.
    table.append_column(Column(BUCKET, SmallInteger, nullable=False, index=True, default=_default(key.name)))
    event.listen(cls, "before_insert", _settle)
    event.listen(cls, "before_update", _stay)


def check_sharded(metadata: MetaData) -> None:
    """Refuse what could be true on each shard and wrong on all.

    Raises:
        ConfigurationError: VX435, with the table and what to change.
    """
    for table in metadata.sorted_tables:
        found = sharded(table)
        if found is None:
            continue
        if found.key not in table.primary_key.columns and found.own_id is None:
            names = ", ".join(column.name for column in table.primary_key)
            raise _unfit(
                f"the primary key of {table.name} ({names}) is not unique among shards",
                "Make it id: UUID | None = Field(default=None, primary_key=True), which Velox fills in, or add "
                f"{found.key} to it.",
            )
        for columns in _unique(table):
            if not {found.key, found.own_id} & columns:
                raise _unfit(
                    f"{table.name}: unique ({', '.join(sorted(columns))}) can be kept on each shard, not among all",
                    f"Add {found.key} to it.",
                )
        for reference in table.foreign_key_constraints:
            _check_reference(found, reference)


def _check_reference(found: Sharded, reference: ForeignKeyConstraint) -> None:
    other = sharded(reference.referred_table)
    pairs = [(item.parent.name, item.column.name) for item in reference.elements]
    if other is None or (found.key, other.key) in pairs or [name for _, name in pairs] == [other.own_id]:
        return
    raise _unfit(
        f"{found.table.name}.{', '.join(name for name, _ in pairs)} refers to {other.table.name} without its shard key",
        f"Refer to ({other.key}, ...) with {found.key} along, or let {other.table.name} have a UUID as its id.",
    )


def _unique(table: Table) -> Iterator[set[str]]:
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield {column.name for column in constraint.columns}
    for index in table.indexes:
        if index.unique:
            yield {column.name for column in index.columns}


def _default(key: str) -> Any:
    return lambda context: bucket_of(context.get_current_parameters()[key])


def _settle(mapper: Any, _connection: Any, row: Any) -> None:
    """Before a row is inserted: give it its id, and check what it refers to."""
    found = sharded(mapper.local_table)
    if found is None:
        return
    made = found.settle(_values(mapper, row))
    if made is not None and found.own_id is not None:
        setattr(row, mapper.get_property_by_column(found.table.c[found.own_id]).key, made)


def _stay(mapper: Any, _connection: Any, row: Any) -> None:
    """Before a row is updated: its bucket is what it was."""
    found = sharded(mapper.local_table)
    if found is None:
        return
    for column in (found.key, found.own_id):
        if column is None:
            continue
        name = mapper.get_property_by_column(found.table.c[column]).key
        history = inspect(row).attrs[name].history
        if history.deleted and history.deleted != history.added:
            raise Misplaced(
                "VX436",
                f"{found.table.name}.{column} = {history.deleted[0]!r} is to become {getattr(row, name)!r}, "
                "on another shard",
                hint="Delete the row, and add a new one.",
            )
    found.settle(_values(mapper, row))


def _values(mapper: Any, row: Any) -> dict[str, Any]:
    return {
        attribute.columns[0].name: getattr(row, attribute.key, None)
        for attribute in mapper.column_attrs
        if attribute.key in row.__dict__
    }


def _python(column: Column[Any]) -> type:
    try:
        return column.type.python_type
    except NotImplementedError:
        return object


def _unfit(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError("VX435", message, hint=hint)
