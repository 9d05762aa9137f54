"""Many rows in few statements: how they are written down, and what happens to those that are there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Column, Insert
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import Mapper, object_mapper

from velox.db.mixins import Timestamps, Versioned

__all__ = ["batches", "upserting"]

_BATCH_ROWS = 5_000
"""Rows are written down as parameters this many at a time, so that a long iterator does not fill the memory."""

Values = dict[str, Any]


def batches(rows: Sequence[Any]) -> Iterator[tuple[type[Any], list[Values]]]:
    """``rows`` as parameters, in order: neighbours of one class that give the same columns are together."""
    written = ((type(row), _values(row)) for row in rows)
    for (cls, _), group in groupby(written, key=lambda one: (one[0], tuple(one[1]))):
        values = [one for _, one in group]
        for start in range(0, len(values), _BATCH_ROWS):
            yield cls, values[start : start + _BATCH_ROWS]


def upserting(
    dialect: str, cls: type[Any], given: Sequence[str], on: Sequence[str], update: Sequence[str] | None
) -> Insert:
    """An INSERT into the table of ``cls`` that updates a row which has the same values in ``on``.

    Args:
        dialect: SQLAlchemy's name of the database's kind.
        cls: The table class.
        given: The attributes that the rows give.
        on: Those that are unique together.
        update: Those that a row which is there takes over; empty: it stays as it is; ``None``: all but the keys.
    """
    columns = cls.__mapper__.columns
    if update is None:
        kept = {*on, *(column.key for column in cls.__table__.primary_key), "created_at", "version"}
        update = [name for name in given if name not in kept]
    if dialect == "mysql":
        into = mysql.insert(cls)
        taken = _taken_over(cls, given, update, into.inserted)
        # Setting a column to itself is how it is told to do nothing.
        return into.on_duplicate_key_update(taken or {columns[on[0]].name: columns[on[0]]})
    start = postgresql.insert if dialect == "postgresql" else sqlite.insert
    other = start(cls)
    unique = [columns[name] for name in on]
    taken = _taken_over(cls, given, update, other.excluded)
    if not taken:
        return other.on_conflict_do_nothing(index_elements=unique)
    return other.on_conflict_do_update(index_elements=unique, set_=taken)


def _taken_over(cls: type[Any], given: Sequence[str], update: Sequence[str], new: Any) -> Values:
    """What is set in a row that is there, by column: what was asked for, and what changes with every write."""
    columns: dict[str, Column[Any]] = dict(cls.__mapper__.columns.items())
    taken: Values = {columns[name].name: new[columns[name].name] for name in update}
    if taken and issubclass(cls, Timestamps) and "updated_at" in given:
        taken["updated_at"] = new["updated_at"]
    if taken and issubclass(cls, Versioned):
        taken["version"] = columns["version"] + 1
    return taken


def _values(row: Any) -> Values:
    """The columns that ``row`` gives. A key that is ``None`` is left to the database."""
    mapper: Mapper[Any] = object_mapper(row)
    present = row.__dict__
    return {
        attribute.key: present[attribute.key]
        for attribute in mapper.column_attrs
        if attribute.key in present
        and not (present[attribute.key] is None and attribute.columns[0].primary_key)
        and attribute.columns[0].computed is None
    }
