"""Indexes that might help a statement, to be measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from velox.db.advice.uses import Use

__all__ = ["Candidate", "candidates"]

_MOST_INCLUDED = 4
"""The most columns that an index carries along without being ordered by them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that is not there.

    Args:
        table: Whose.
        columns: Its columns, with whether each is descending.
        kind: ``btree``, ``hash``, ``brin`` or ``gin``; only PostgreSQL has others than ``btree``.
        include: Columns that are in it for being read from it only.
        where: It has the rows only for which this is true.
        pattern: The column whose beginnings are looked for by ``LIKE``. In PostgreSQL, an index in a language's order
            cannot be used for that, and one in the order of characters can.
    """

    table: str
    columns: tuple[tuple[str, bool], ...]
    kind: str = "btree"
    include: tuple[str, ...] = ()
    where: str = ""
    pattern: str = ""

    @property
    def name(self) -> str:
        """As Velox names an index: after its table and its columns."""
        words = [self.table, *(name for name, _ in self.columns), *self.include]
        return "_".join(
            ["ix", *words, *([self.kind] if self.kind != "btree" else []), *(["part"] if self.where else [])]
        )

    @property
    def effort(self) -> tuple[int, ...]:
        """What is preferred among those that help as much: the plainest and smallest."""
        return (
            self.kind != "btree",
            bool(self.where),
            len(self.include),
            len(self.columns),
            any(d for _, d in self.columns),
        )

    def ddl(self, dialect: str, *, name: str = "") -> str:
        """The statement that makes it."""
        mark = "`" if dialect in {"mysql", "mariadb"} else '"'
        columns = [
            f"{mark}{column}{mark}" + " text_pattern_ops" * (column == self.pattern) + " DESC" * descending
            for column, descending in self.columns
        ]
        included = [f"{mark}{column}{mark}" for column in self.include]
        if dialect != "postgresql":  # there, a covering index is one with more columns
            columns += included
        using = f" USING {self.kind}" if self.kind != "btree" else ""
        include = f" INCLUDE ({', '.join(included)})" if included and dialect == "postgresql" else ""
        where = f" WHERE {self.where}" if self.where else ""
        what = f"{mark}{self.table}{mark}{using} ({', '.join(columns)})"
        return f"CREATE INDEX {mark}{name or self.name}{mark} ON {what}{include}{where}"

    def code(self, dialect: str) -> str:
        """What to write in the model."""
        plain = len(self.columns) == 1 and not self.columns[0][1]
        if plain and self.kind == "btree" and not self.include and not self.where and not self.pattern:
            return f"{self.columns[0][0]}: ... = Field(..., index=True)"
        columns = [f'text("{name} DESC")' if descending else f'"{name}"' for name, descending in self.columns]
        options = []
        if self.include and dialect == "postgresql":
            options.append(f"postgresql_include={list(self.include)!r}".replace("'", '"'))
        elif self.include:
            columns += [f'"{name}"' for name in self.include]
        if self.kind != "btree":
            options.append(f'postgresql_using="{self.kind}"')
        if self.pattern:
            options.append(f'postgresql_ops={{"{self.pattern}": "text_pattern_ops"}}')
        if self.where:
            options.append(f'{dialect}_where=text("{self.where}")')
        return f"__table_args__ = (Index({', '.join([f'{chr(34)}{self.name}{chr(34)}', *columns, *options])}),)"


def candidates(use: Use, dialect: str, *, all_columns: Collection[str]) -> list[Candidate]:
    """The indexes on one table that might help a statement, each once.

    Columns that are compared by ``=`` come first, then the order, or one range: a B-tree is read from the first of its
    entries that fit to the last, and is in order only behind columns that are equal.

    Args:
        use: How the statement uses the table.
        dialect: SQLAlchemy's name of the database.
        all_columns: The table's columns.
    """
    return list(dict.fromkeys(_candidates(use, dialect, all_columns)))


def _candidates(use: Use, dialect: str, all_columns: Collection[str]) -> Iterator[Candidate]:
    equal = tuple((name, False) for name in use.equal)
    sort = tuple(_forward(use.sort, equal))
    bases = []
    for tail in (sort, *(((name, False),) for name in (*use.ranges, *use.prefixes)), ()):
        base = (*equal, *(one for one in tail if one[0] not in use.equal))
        if base and len({name for name, _ in base}) == len(base):
            bases.append(base)
    bases += [(one,) for one in equal] if len(equal) > 1 else []
    for base in bases:
        last = base[-1][0]
        pattern = last if dialect == "postgresql" and last in use.prefixes else ""
        plain = Candidate(use.table, base, pattern=pattern)
        yield plain
        yield from _variants(use, plain, dialect, all_columns)
    if dialect != "postgresql":
        return
    if len(equal) == 1 and not sort:
        yield Candidate(use.table, equal, "hash")
    for name in use.ranges:
        yield Candidate(use.table, ((name, False),), "brin")
    for name in use.contained:
        yield Candidate(use.table, ((name, False),), "gin")


def _variants(use: Use, plain: Candidate, dialect: str, all_columns: Collection[str]) -> Iterator[Candidate]:
    names = {name for name, _ in plain.columns}
    rest = tuple(sorted((use.columns or set(all_columns)) - names))
    if rest and len(rest) <= _MOST_INCLUDED:
        yield replace(plain, include=rest)
    if use.always and dialect in {"sqlite", "postgresql"}:
        yield replace(plain, where=" AND ".join(use.always))


def _forward(sort: list[tuple[str, bool]], equal: tuple[tuple[str, bool], ...]) -> Iterator[tuple[str, bool]]:
    """The order without what is equal anyway; an index can be read backwards, so all descending is all ascending."""
    fixed = {name for name, _ in equal}
    left = [(name, descending) for name, descending in sort if name not in fixed]
    mixed = len({descending for _, descending in left}) > 1
    for name, descending in left:
        yield name, descending and mixed
