"""How a statement uses the columns of its tables: what an index could do for it. sqlglot reads the SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["Use", "split", "uses_of"]

Schema = Mapping[str, frozenset[str]]
"""Table → its columns."""

_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}


@dataclass(slots=True)
class Use:
    """What a statement asks of one table. Columns are in the order of the statement."""

    table: str
    equal: list[str] = field(default_factory=list)
    """Compared with a value by ``=`` or ``IN``, or with another table's column."""
    ranges: list[str] = field(default_factory=list)
    """Compared by ``<``, ``>`` or ``BETWEEN``."""
    prefixes: list[str] = field(default_factory=list)
    """Compared by ``LIKE``."""
    contained: list[str] = field(default_factory=list)
    """Asked whether they contain something: ``@>`` of JSON and arrays."""
    always: list[str] = field(default_factory=list)
    """Conditions without a value from outside, as SQL: they are the same whenever the statement is run."""
    sort: list[tuple[str, bool]] = field(default_factory=list)
    """The order, with whether it is descending; empty when it is also by something else than columns of the table."""
    columns: set[str] = field(default_factory=set)
    """All that are read; empty: all of the table's."""


def uses_of(sql: str, dialect: str, schema: Schema) -> list[Use]:
    """How ``sql`` uses each of the tables in ``schema``; empty when it cannot be read.

    Args:
        sql: One statement, with placeholders or values.
        dialect: SQLAlchemy's name of the database.
        schema: The tables that matter.

    Raises:
        ConfigurationError: VX701, sqlglot is not installed.
    """
    from sqlglot.errors import SqlglotError

    glot = _sqlglot()
    try:
        tree = glot.parse_one(re.sub(r"%s", "?", sql), dialect=_DIALECTS[dialect])
    except SqlglotError:
        return []
    kinds = (glot.exp.Select, glot.exp.Update, glot.exp.Delete)
    return [use for scope in tree.find_all(*kinds) for use in _Scope(scope, schema, _DIALECTS[dialect]).uses()]


def split(text: str, dialect: str) -> list[str]:
    """The statements in ``text``, which semicolons separate.

    Raises:
        ConfigurationError: VX442, it is no SQL; VX701, sqlglot is not installed.
    """
    from sqlglot.errors import SqlglotError

    try:
        found = _sqlglot().parse(text, dialect=_DIALECTS[dialect])
    except SqlglotError as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError("VX442", f"it is no SQL: {reason}", hint="Separate statements by ;") from None
    return [each.sql(dialect=_DIALECTS[dialect]) for each in found if each is not None]


@cache
def _sqlglot() -> Any:
    try:
        import sqlglot
    except ImportError as error:
        raise ConfigurationError(
            "VX701",
            "velox db advise needs the package sqlglot, which is not installed",
            hint="Run: pip install 'velox-framework[advise]'",
        ) from error
    return sqlglot


class _Scope:
    """A SELECT, UPDATE or DELETE, without those inside of it."""

    def __init__(self, tree: exp.Expr, schema: Schema, dialect: str) -> None:
        from sqlglot import exp

        self._exp: Any = exp
        self._tree = tree
        self._dialect = dialect
        self._schema = schema
        tables = [one for one in tree.find_all(exp.Table) if self._is_own(one)]
        self._names = {one.alias_or_name: one.name for one in tables if one.name in schema}
        self._uses = {name: Use(table) for name, table in self._names.items()}

    def uses(self) -> list[Use]:
        for condition in self._conditions():
            self._look_at(condition)
        self._look_at_order()
        self._look_at_columns()
        return list(self._uses.values())

    def _is_own(self, node: exp.Expr) -> bool:
        return node.find_ancestor(self._exp.Select, self._exp.Update, self._exp.Delete) is self._tree

    def _conditions(self) -> Iterator[exp.Expr]:
        """What has to be true all together."""
        where = self._tree.args.get("where")
        joins = [join.args.get("on") for join in self._tree.args.get("joins") or ()]
        for whole in (where.this if where is not None else None, *joins):
            if whole is not None:
                yield from self._parts(whole)

    def _parts(self, node: exp.Expr) -> Iterator[exp.Expr]:
        inner = node.unnest()
        if isinstance(inner, self._exp.And):
            yield from self._parts(inner.this)
            yield from self._parts(inner.expression)
        else:
            yield inner

    def _column(self, node: Any) -> tuple[Use, str] | None:
        """The use and the name, if ``node`` is a column of one of our tables."""
        node = node.unnest() if node is not None else None
        while isinstance(node, self._exp.Cast):
            node = node.this
        if not isinstance(node, self._exp.Column):
            return None
        name = node.name
        if node.table:
            use = self._uses.get(node.table)
        else:
            fitting = [use for use in self._uses.values() if name in self._schema[use.table]]
            use = fitting[0] if len(fitting) == 1 else None
        return (use, name) if use is not None and name in self._schema[use.table] else None

    def _look_at(self, node: exp.Expr) -> None:
        exp = self._exp
        found = self._column(node.this)
        if isinstance(node, exp.Column):  # a bare boolean
            found = self._column(node)
        if self._is_constant(node) and found is not None:
            found[0].always.append(self._sql(node))
        elif isinstance(node, exp.EQ):
            for side in (node.this, node.expression):
                if (one := self._column(side)) is not None:
                    _add(one[0].equal, one[1])
        elif found is None:
            return
        elif isinstance(node, exp.In):
            _add(found[0].equal, found[1])
        elif isinstance(node, exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Between):
            _add(found[0].ranges, found[1])
        elif isinstance(node, exp.Like | exp.Escape):
            _add(found[0].prefixes, found[1])
        elif isinstance(node, exp.ArrayContainsAll | exp.JSONBContains):
            _add(found[0].contained, found[1])

    def _is_constant(self, node: exp.Expr) -> bool:
        """Whether it is true for the same rows whatever the values are."""
        exp = self._exp
        inner = node.this if isinstance(node, exp.Not) else node
        if isinstance(inner, exp.Column):
            return True
        if isinstance(inner, exp.Is):
            return True
        return isinstance(inner, exp.EQ) and isinstance(inner.expression, exp.Boolean)

    def _sql(self, node: exp.Expr) -> str:
        """Without the table's name, as an index wants it."""
        bare = node.copy()
        for column in bare.find_all(self._exp.Column):
            column.set("table", None)
        return str(bare.sql(dialect=self._dialect))

    def _look_at_order(self) -> None:
        order = self._tree.args.get("order")
        if order is None:
            return
        columns = [(self._column(one.this), bool(one.args.get("desc"))) for one in order.expressions]
        tables = {id(found[0]) if found else 0 for found, _ in columns}
        if len(tables) == 1 and 0 not in tables:
            for found, descending in columns:
                if found is not None:
                    found[0].sort.append((found[1], descending))

    def _look_at_columns(self) -> None:
        if not isinstance(self._tree, self._exp.Select):
            return
        if any(isinstance(one, self._exp.Star) for one in self._tree.expressions):
            return
        for node in self._tree.find_all(self._exp.Column):
            if (found := self._column(node)) is not None:
                found[0].columns.add(found[1])


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)
