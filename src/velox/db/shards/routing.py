"""Which bucket a statement is about, read from its conditions.

Every sharded table in it (an alias counts as one of its own) is in one bucket, known or not. A condition that is always
true of the answer tells more:

    order.user_id = 7               this table's bucket is that of 7
    order.id = <a UUID>             ... is the one in the id
    item.order_id = order.id        the two tables are in one bucket
    item.user_id = order.user_id    ... as well

One known bucket for all: one shard. One unknown bucket for all: each shard has a part of the answer. Else: rows of one
shard would have to meet those of another, and the statement is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Alias, BinaryExpression, BindParameter, ColumnClause, Table
from sqlalchemy.sql import Join, Select, operators, visitors
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BooleanClauseList, Grouping, TextClause
from sqlalchemy.sql.selectable import SelectBase

from velox.db.borrowed import sources_of, updated_columns
from velox.db.shards.buckets import bucket_of_id
from velox.db.shards.sharded import Misplaced, Sharded, sharded

__all__ = ["Conditions", "bucket_for", "conditions_of", "refused", "value_of"]

_KEY_HINT = "Add a condition with the shard key, or ask all shards: .execution_options(scatter=True)."


def bucket_for(statement: Any, parameters: Mapping[str, Any] | None) -> int | None:
    """The bucket that ``statement`` is about; ``None``: each shard has a part of the answer.

    Args:
        statement: A select, update or delete of sharded tables only.
        parameters: The values of its ``bindparam``.

    Raises:
        Misplaced: VX434, its rows would have to be joined across shards, or it cannot be told; VX436, it would move a
            row to another shard.
    """
    if isinstance(statement, UpdateBase):
        return _bucket_for_write(statement, parameters or {})
    return conditions_of(statement).bucket(lambda parameter: value_of(parameter, parameters))


def value_of(parameter: BindParameter[Any], parameters: Mapping[str, Any] | None) -> Any:
    """The value of a parameter: of those that are given apart, or its own."""
    if parameters and parameter.key in parameters:
        return parameters[parameter.key]
    return parameter.effective_value


def conditions_of(statement: Any) -> Conditions:
    """What a select says of its buckets, whatever its values are.

    Raises:
        Misplaced: VX434, its rows would have to be joined across shards, or it cannot be told.
    """
    if not isinstance(statement, Select):
        raise refused(f"a {type(statement).__name__} of sharded tables", "Ask in several selects.")
    looked = Conditions()
    for source in sources_of(statement):
        looked.read_source(source)
    looked.read(statement.whereclause, None)
    _check_plain(statement, looked)
    return looked


def refused(what: str, hint: str) -> Misplaced:
    """The error for a statement that is not answered, rather than wrongly."""
    return Misplaced("VX434", f"{what} cannot be answered from several shards", hint=hint)


def _bucket_for_write(statement: UpdateBase, parameters: Mapping[str, Any]) -> int:
    found = sharded(statement.table)
    if found is None or statement.is_insert:
        raise refused("an insert() into a sharded table", "Use db.add(row) or db.insert_many(rows).")
    looked = Conditions()
    looked.read_source(statement.table)
    looked.read(getattr(statement, "whereclause", None), None)
    _check_plain(statement, looked)
    if statement.is_update and {found.key, found.own_id, *found.references()} & updated_columns(statement):
        raise Misplaced(
            "VX436",
            f"an update of {found.table.name} would change what tells its shard",
            hint="Delete the rows and add new ones, or change one that is loaded.",
        )
    bucket = looked.bucket(lambda parameter: value_of(parameter, parameters))
    if bucket is None:
        raise Misplaced(
            "VX433",
            f"an update or delete of {found.table.name} does not say for which {found.key}",
            hint="Add a condition with the shard key; one transaction writes to one shard.",
        )
    return bucket


class Fact(NamedTuple):
    """A table's column that tells its bucket is equal to a parameter, or to one of its ``several`` values."""

    source: Any
    how: str
    found: Sharded
    parameter: BindParameter[Any]
    several: bool

    def buckets(self, value: Any) -> set[int]:
        """The buckets that the table's rows can be in."""
        return {self._bucket(one) for one in (value if self.several else [value]) if one is not None}

    def _bucket(self, value: Any) -> int:
        if self.how == "key":
            return self.found.key_bucket(value)
        if not isinstance(value, UUID):
            raise Misplaced("VX436", f"{value!r} is no id of {self.found.table.name}", hint="An id there is a UUID.")
        return bucket_of_id(value)


class Conditions:
    """What is known of the buckets of a statement's tables."""

    def __init__(self) -> None:
        self._parent: dict[Any, Any] = {}
        self.facts: list[Fact] = []

    @property
    def count(self) -> int:
        return len(self._parent)

    def read_source(self, source: Any) -> None:
        """A table, an alias, or a join of such."""
        if isinstance(source, Join):
            if source.full:
                raise refused("a full outer join", "Ask in several selects.")
            self.read_source(source.left)
            self.read_source(source.right)
            self.read(source.onclause, source.right if source.isouter else None)
        elif isinstance(source, Table) or (isinstance(source, Alias) and isinstance(source.element, Table)):
            self._parent[source] = source
        else:
            raise refused("a subquery of sharded tables", "Ask in several selects.")

    def read(self, condition: Any, only: Any | None) -> None:
        """What follows from ``condition``, which is true of every row of the answer; in the ON of an outer join it is
        true of the rows of ``only``, where there are some.
        """
        for part in _conjuncts(condition):
            if not isinstance(part, BinaryExpression):
                continue
            left, right = self._told(part.left), self._told(part.right)
            if part.operator is operators.eq and left is not None and right is not None:
                if left[1] == right[1]:
                    self._parent[self._root(left[0])] = self._root(right[0])
            elif only is None and part.operator in (operators.eq, operators.in_op):
                for told, other in ((left, part.right), (right, part.left)):
                    if told is not None and isinstance(other, BindParameter):
                        self.facts.append(Fact(*told, other, part.operator is operators.in_op))

    def bucket(self, value: Callable[[BindParameter[Any]], Any]) -> int | None:
        """The one bucket of all tables, if it is known.

        Args:
            value: The value of a parameter.
        """
        known_of: dict[Any, set[int]] = {}
        for fact in self.facts:
            buckets = fact.buckets(value(fact.parameter))
            known_of[fact.source] = known_of.get(fact.source, buckets) & buckets
        roots = {self._root(source) for source in self._parent}
        if len(roots) == 1:
            found: set[int] | None = None
            for buckets in known_of.values():
                found = buckets if found is None else found & buckets
            if found is None or len(found) > 1:
                return None
            # Conditions that contradict each other have the same answer everywhere.
            return next(iter(found)) if found else next(iter(next(iter(known_of.values()))), 0)
        by_root = {self._root(source): known for source, known in known_of.items()}
        single: set[int] = set().union(*by_root.values())
        if by_root.keys() == roots and len(single) == 1 and all(by_root.values()):
            return single.pop()
        raise refused(
            "a join of sharded tables that does not compare their shard keys",
            "Add it to the join: .where(Item.user_id == Order.user_id).",
        )

    def _told(self, side: Any) -> tuple[Any, str, Sharded] | None:
        """The table, and how the column tells its bucket."""
        if not isinstance(side, ColumnClause) or side.table not in self._parent:
            return None
        found = sharded(side.table)
        how = dict(found.telling()).get(side.name) if found is not None else None
        return None if found is None or how is None else (side.table, how, found)

    def _root(self, source: Any) -> Any:
        while self._parent[source] is not source:
            source = self._parent[source]
        return source


def _conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, Grouping):
        yield from _conjuncts(condition.element)
    elif isinstance(condition, BooleanClauseList):
        if condition.operator is operators.and_:
            for part in condition.clauses:
                yield from _conjuncts(part)
    elif condition is not None:
        yield condition


def _check_plain(statement: Any, looked: Conditions) -> None:
    """Refuse what may read more than the tables that were looked at."""
    for part in _parts(statement):
        if part is not statement and isinstance(part, SelectBase):
            raise refused("a subquery of sharded tables", "Ask in several selects, or join.")
        if isinstance(part, TextClause) or (isinstance(part, ColumnClause) and part.is_literal and part.name != "*"):
            raise refused("SQL that is written as text", "Write it with select().")
    if isinstance(statement, Select) and not looked.count:
        raise refused("a select without a table", "Select from a table class.")


def _parts(statement: Any) -> Iterable[Any]:
    yield from visitors.iterate(statement)
    for source in sources_of(statement):
        yield from visitors.iterate(source)
