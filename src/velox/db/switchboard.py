"""Which of several databases a statement, or a row, is for.

A *place* is one database: ``""`` is the main one, another the name of a database or of a shard.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlalchemy.sql import Select
from sqlalchemy.sql.dml import UpdateBase

from velox.db.borrowed import statement_key
from velox.db.engine import Lanes
from velox.db.placement import MAIN, SHARDS, called, group_of, tables_in
from velox.db.shards.ledger import Ledger
from velox.db.shards.routing import Conditions, bucket_for, conditions_of, value_of
from velox.db.shards.sharded import Misplaced, Sharded, sharded
from velox.errors import ServiceUnavailable

__all__ = ["EVERYWHERE", "SCATTER", "Switchboard"]

SCATTER = "scatter"
"""The execution option of a statement that may be asked of all shards."""
_MOST = 1000
"""Shapes of statements are the program's, and not many."""
EVERYWHERE = None
"""No place, but all shards."""


class Switchboard:
    """Connects statements and rows with databases.

    Args:
        lanes_of: The open lanes of a place.
        databases: The names of the other databases.
        shards: The names of the shards.
        ledger: Which bucket is on which shard.
    """

    def __init__(
        self,
        lanes_of: Callable[[str], Lanes],
        databases: Collection[str],
        shards: Collection[str],
        ledger: Ledger,
    ) -> None:
        self.lanes_of = lanes_of
        self.shards = tuple(shards)
        self.ledger = ledger
        self._databases = frozenset(databases)
        self._shapes: OrderedDict[Hashable, _Shape] = OrderedDict()

    def is_sharded(self, table: Any) -> bool:
        """Whether the rows of ``table`` are spread: without shards in the settings, they are in the main database."""
        return bool(self.shards) and sharded(table) is not None

    def place_of_group(self, group: str) -> str:
        """The place of a group that is in one.

        Raises:
            Misplaced: VX430, no such database is in the settings.
        """
        if group == MAIN or (group == SHARDS and not self.shards):
            return MAIN
        if group not in self._databases:
            raise Misplaced(
                "VX430",
                f"a model is in {called(group)}, which is not in the setting databases",
                hint=f"Set VELOX_DATABASES__{group.upper()} to its URL.",
            )
        return group

    async def freshen(self) -> None:
        """See to it that what is known of the shards may be used."""
        if self.shards and not self.ledger.is_fresh:
            await self.ledger.read(self.lanes_of(MAIN).read)

    def place_of_bucket(self, bucket: int, *, writing: bool = False) -> str:
        """The shard of a bucket.

        Raises:
            ServiceUnavailable: It is to be written to, and is just being moved.
        """
        found = self.ledger[bucket]
        if writing and not found.state.takes_writes:
            self.ledger.forget()
            raise busy_moving()
        return found.owner

    def place_of_row(self, table: Table, values: Mapping[str, Any]) -> tuple[str, int | None]:
        """Where a row is to be written, and its bucket if it has one.

        Raises:
            Misplaced: VX430 or VX436.
            ServiceUnavailable: Its bucket is just being moved.
        """
        found = sharded(table) if self.shards else None
        if found is None:
            return self.place_of_group(group_of(table)), None
        bucket = found.bucket(values)
        return self.place_of_bucket(bucket, writing=True), bucket

    def place_of_key(self, model: type[Any], key: Any) -> str:
        """Where the row with a primary key is.

        Raises:
            Misplaced: VX430, or VX436: the key tells no shard.
        """
        table: Table = model.__mapper__.local_table
        found = sharded(table) if self.shards else None
        if found is None:
            return self.place_of_group(group_of(table))
        return self.place_of_bucket(_bucket_of_key(model, found, key))

    def place_of(self, statement: Any, parameters: Any, *, scatter: bool) -> tuple[str | None, int | None]:
        """Where a statement is to be run (:data:`EVERYWHERE` is all shards), and the bucket that it is about.

        Args:
            statement: Any.
            parameters: The values of its ``bindparam``.
            scatter: Whether it may be asked of all shards.

        Raises:
            Misplaced: VX430, VX431: its tables are in several databases, VX433: it tells no shard, VX434 or VX436.
            ServiceUnavailable: It writes to a bucket that is just being moved.
        """
        if isinstance(statement, Select) and (known := self._known_place(statement, parameters)) is not None:
            place, bucket, table = known
            if table is None:
                return place, None
        else:
            place, bucket, table = self._found_place(statement, parameters)
            if table is None:
                return place, None
        if bucket is not None:
            return self.place_of_bucket(bucket, writing=isinstance(statement, UpdateBase)), bucket
        if not scatter:
            key = sharded(table).key  # type: ignore[union-attr]
            raise Misplaced(
                "VX433",
                f"a statement about {table.name} does not say for which {key}",
                hint=f"Add .where({key} == ...), or ask all shards: .execution_options(scatter=True).",
            )
        return EVERYWHERE, None

    def _found_place(self, statement: Any, parameters: Any) -> tuple[str | None, int | None, Any]:
        """The place of a statement; for a sharded one its bucket if it tells, and its table."""
        place, table = self._only_place(statement)
        if table is None:
            return place, None, None
        if not isinstance(parameters, Mapping | None):
            raise Misplaced("VX434", "a sharded table is written with a list of values", hint="Use db.insert_many().")
        return None, bucket_for(statement, parameters), table

    def _known_place(self, statement: Any, parameters: Any) -> tuple[str | None, int | None, Any] | None:
        """The same, of a select that differs from an earlier one in its values only; ``None``: that cannot be told."""
        key = statement_key(statement)
        if key is None:
            return None
        shape = self._shapes.get(key[0])
        if shape is None:
            place, table = self._only_place(statement)
            conditions = None if table is None else conditions_of(statement)
            at = {id(parameter): number for number, parameter in enumerate(key[1])}
            if conditions is not None and any(id(fact.parameter) not in at for fact in conditions.facts):
                return None
            shape = self._shapes[key[0]] = _Shape(place, table, conditions, at)
            if len(self._shapes) > _MOST:
                self._shapes.popitem(last=False)
        if shape.conditions is None:
            return shape.place, None, None
        at, given = shape.at, key[1]
        return None, shape.conditions.bucket(lambda one: value_of(given[at[id(one)]], parameters)), shape.table

    def _only_place(self, statement: Any) -> tuple[str | None, Any]:
        """The place of all tables in a statement; of sharded ones ``None`` and one of them."""
        tables = tables_in(statement) if isinstance(statement, Select | UpdateBase) or _is_compound(statement) else ()
        found: dict[str | None, Any] = {}
        for table in tables:
            place = None if self.is_sharded(table) else self.place_of_group(group_of(table))
            found.setdefault(place, table)
        if len(found) > 1:
            one, other, *_ = found.values()
            raise Misplaced(
                "VX431",
                f"a statement has {one.name} and {other.name} in it, which are in {called(group_of(one))} and "
                f"{called(group_of(other))}",
                hint="Ask for each by itself.",
            )
        return next(iter(found), MAIN), found.get(None)


class _Shape(NamedTuple):
    """What is equal for selects that differ only in their values."""

    place: str | None
    table: Any
    conditions: Conditions | None
    at: dict[int, int]
    """Where a parameter of the conditions is among those of the statement."""


def _is_compound(statement: Any) -> bool:
    return bool(getattr(statement, "is_select", False))


def _bucket_of_key(model: type[Any], found: Sharded, key: Any) -> int:
    from velox.db.shards.buckets import bucket_of_id

    columns = [column.name for column in model.__mapper__.primary_key]
    values = dict(zip(columns, key if isinstance(key, tuple | list) else (key,), strict=False))
    if found.own_id is None:
        return found.bucket(values)
    try:
        return bucket_of_id(values[found.own_id])
    except (AttributeError, KeyError):
        raise Misplaced("VX436", f"{key!r} is no id of {found.table.name}", hint="An id there is a UUID.") from None


def busy_moving() -> ServiceUnavailable:
    """The answer to a write for a bucket that is between two shards."""
    return ServiceUnavailable("These rows are just being moved.", headers={"Retry-After": "1"})
