"""One answer out of the answers of all shards: a merge of sorted rows, or of aggregates; all else is refused.

    rows           each shard sorts and cuts after offset + limit; the sorted parts are merged, and cut once more
    count, sum     added up
    min, max       the least, the greatest

Merging compares in Python what a database would have compared. So it is done only for types that both sort alike:
text is not, where a server sorts it by the rules of a language.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key, partial
from itertools import chain, islice
from typing import Any

from sqlalchemy import types
from sqlalchemy.sql import Join, Select, visitors
from sqlalchemy.sql import operators as op
from sqlalchemy.sql.elements import ClauseElement, ColumnElement, Label, Over, UnaryExpression
from sqlalchemy.sql.functions import FunctionElement

from velox.db.borrowed import as_rows, cut_of, is_grouped, selected_elements, sources_of
from velox.db.shards.routing import refused
from velox.db.shards.sharded import BUCKET

__all__ = ["Merge", "merging", "without_strays"]

_SCALAR = {"abs", "coalesce", "length", "lower", "replace", "round", "substr", "trim", "upper"}
"""Functions of one row. Of one that we do not know, nobody can tell whether it is of many."""
_SORTS_ALIKE = (types.Integer, types.Date, types.DateTime, types.Time, types.Boolean, types.Uuid)


@dataclass(frozen=True, slots=True)
class Merge:
    """How one statement is asked of several shards.

    Args:
        each: What each is asked.
        merge: Makes the rows of the answer of each shard's rows.
        width: How many columns a row of the answer has; what each shard adds to them is to sort by.
    """

    each: Select[*tuple[Any, ...]]
    merge: Callable[[Sequence[Sequence[Any]]], list[tuple[Any, ...]]]
    width: int


def without_strays(statement: Any, buckets: Sequence[int]) -> Any:
    """``statement`` without the rows that are just being moved, from or to a shard that does not show them."""
    if not buckets:
        return statement
    source = sources_of(statement)[0]
    while isinstance(source, Join):
        source = source.left
    return statement.where(source.c[BUCKET].not_in(buckets))


def merging(statement: Select[*tuple[Any, ...]], dialect: str) -> Merge:
    """How to ask ``statement`` of several shards.

    Args:
        statement: A plain select of tables that are in one bucket each.
        dialect: The kind of database that the shards are.

    Raises:
        Misplaced: VX434, the answers of the shards are not enough to make the answer.
    """
    if is_grouped(statement):
        raise refused("group by, having and distinct", "Ask for one shard key, or group the rows yourself.")
    chosen = selected_elements(statement)
    aggregates = [_aggregate(element) for element in chosen]
    if any(aggregates):
        return _aggregating(statement, chosen, aggregates, dialect)
    for element in chosen:
        _check_row(element)
    return _sorting(statement, len(chosen), dialect)


# Rows


def _sorting(statement: Select[*tuple[Any, ...]], width: int, dialect: str) -> Merge:
    limit, offset, order = cut_of(statement)
    keys = [_key(element, dialect) for element in order]
    each: Any = as_rows(statement.add_columns(*(key.element for key in keys)))
    if limit is not None:
        each = each.limit(limit + offset)
    if offset:
        each = each.offset(None)
    compare = cmp_to_key(partial(_compare, keys=keys, width=width))

    def merge(parts: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        rows: Iterable[Any] = heapq.merge(*parts, key=compare) if keys else chain.from_iterable(parts)
        stop = None if limit is None else offset + limit
        return [tuple(row)[:width] for row in islice(rows, offset, stop)]

    return Merge(each, merge, width)


@dataclass(frozen=True, slots=True)
class _Key:
    element: Any
    descending: bool
    none_first: bool


def _key(element: Any, dialect: str) -> _Key:
    """What an element of ORDER BY sorts by; where NULL is, if it says nothing, is the database's own rule."""
    descending, first = False, None
    while isinstance(element, UnaryExpression) and element.modifier is not None:
        match element.modifier:
            case op.desc_op:
                descending = True
            case op.nulls_first_op:
                first = True
            case op.nulls_last_op:
                first = False
        element = element.element
    if not isinstance(element, ColumnElement):
        raise refused(f"an order by {element}", "Order by a column.")
    _check_row(element)
    _check_sorts(element, dialect)
    if first is None:
        # PostgreSQL: NULL is greater than everything. SQLite: it is less.
        first = descending if dialect == "postgresql" else not descending
    return _Key(element, descending, first)


def _compare(one: Sequence[Any], other: Sequence[Any], *, keys: Sequence[_Key], width: int) -> int:
    for mine, theirs, key in zip(one[width:], other[width:], keys, strict=True):
        if mine == theirs:
            continue
        if mine is None or theirs is None:
            return -1 if (mine is None) == key.none_first else 1
        return -1 if (mine < theirs) != key.descending else 1
    return 0


def _check_sorts(element: ColumnElement[Any], dialect: str) -> None:
    kind = element.type
    if isinstance(kind, types.TypeDecorator):
        kind = kind.impl_instance
    is_text = isinstance(kind, types.String) and not isinstance(kind, types.Enum)
    # SQLite compares bytes, and has no NaN.
    on_sqlite = (is_text and getattr(kind, "collation", None) is None) or isinstance(kind, types.Float)
    if not (isinstance(kind, _SORTS_ALIKE) or (on_sqlite and dialect == "sqlite")):
        raise refused(
            f"an order by, min or max of {element} ({type(kind).__name__})",
            "Order by a number, a time or an id; sort the rest where it is shown.",
        )


# Aggregates


def _aggregate(element: Any) -> str | None:
    inner = element.element if isinstance(element, Label) else element
    name = getattr(inner, "name", None) if isinstance(inner, FunctionElement) else None
    return name if name in ("count", "sum", "min", "max", "avg") else None


def _aggregating(
    statement: Select[*tuple[Any, ...]], chosen: Sequence[Any], names: Sequence[str | None], dialect: str
) -> Merge:
    limit, offset, order = cut_of(statement)
    if None in names or limit is not None or offset or order:
        raise refused("aggregates together with rows, an order or a limit", "Ask for the aggregates alone.")
    combine: list[Callable[[list[Any]], Any]] = []
    for name, element in zip(names, chosen, strict=True):
        function = element.element if isinstance(element, Label) else element
        for argument in function.clauses:
            _check_row(argument)
        match name:
            case "count":
                combine.append(sum)
            case "sum":
                _check_adds(function)
                combine.append(_added)
            case "min" | "max":
                _check_sorts(function, dialect)
                combine.append(_least if name == "min" else _greatest)
            case _:
                raise refused("avg()", "Ask for func.sum() and func.count(), and divide.")

    def merge(parts: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        rows = [part[0] for part in parts]
        return [tuple(each([row[place] for row in rows]) for place, each in enumerate(combine))]

    return Merge(as_rows(statement), merge, len(chosen))


def _check_adds(function: Any) -> None:
    (argument,) = function.clauses
    if not isinstance(argument.type, types.Integer | types.Numeric | types.Float):
        raise refused(f"sum of {argument}", "Sum a number.")


def _added(values: list[Any]) -> Any:
    there = [value for value in values if value is not None]
    return sum(there[1:], start=there[0]) if there else None


def _least(values: list[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def _greatest(values: list[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def _check_row(element: Any) -> None:
    """Refuse what is not a matter of one row: an aggregate in an expression, a window, a function we do not know."""
    if not isinstance(element, ClauseElement):
        return
    for part in visitors.iterate(element):
        if isinstance(part, Over):
            raise refused("a window function", "Ask for one shard key.")
        if isinstance(part, UnaryExpression) and part.operator is op.distinct_op:
            raise refused("an aggregate of distinct values", "Ask for one shard key.")
        if isinstance(part, FunctionElement) and getattr(part, "name", None) not in _SCALAR:
            raise refused(f"the function {getattr(part, 'name', part)}()", f"Known: {', '.join(sorted(_SCALAR))}.")
