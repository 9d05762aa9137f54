"""Columns that many tables have, as bases of a table class: ``class Link(Timestamps, Versioned, table=True)``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Mapper, ORMExecuteState, with_loader_criteria
from sqlmodel import col

from velox.db.field import Field
from velox.db.model import Model
from velox.db.tables import is_table_class

__all__ = ["WITH_DELETED", "SoftDelete", "Timestamps", "Versioned", "hide_deleted", "without_deleted"]

WITH_DELETED = "with_deleted"
"""The execution option of a statement that shall see deleted rows, too."""


def _now() -> datetime:
    return datetime.now(UTC)


class Timestamps(Model):
    """When a row was made and last written. Clients see both and set neither."""

    created_at: datetime = Field(default_factory=_now, server_set=True)
    updated_at: datetime = Field(default_factory=_now, server_set=True, sa_column_kwargs={"onupdate": _now})


class Versioned(Model):
    """A number that each write raises, so that nobody overwrites what they have not seen.

    A row is written only if it still has the version with which it was read; else the request is a 409. Clients see the
    version and do not set it; have a client send back the one that it saw, and ask for that in the ``select``.
    """

    version: int = Field(default=1, server_set=True)


class SoftDelete(Model):
    """A row that ``db.delete`` only marks, and that is not found from then on.

    ``get``, ``exec``, ``one``, ``page``, ``stream`` and loaded relationships leave marked rows out, except those of a
    statement with ``.execution_options(with_deleted=True)``. Set ``deleted_at`` to ``None`` to have a row back, and
    delete for good with ``db.delete(row, for_good=True)``. An ``update()`` or ``delete()`` statement sees what its
    ``where`` says. A unique column is still taken by a marked row.
    """

    deleted_at: datetime | None = Field(default=None, index=True, server_set=True, private=True)


@event.listens_for(Versioned, "instrument_class", propagate=True)
def _count_versions(mapper: Mapper[Any], _cls: type[Any]) -> None:
    # The column is known only now: a mixin's is copied for each table.
    mapper.version_id_col = mapper.local_table.c["version"]


def hide_deleted(state: ORMExecuteState) -> None:
    """For the session event ``do_orm_execute``: leave out the rows that are marked as deleted."""
    if state.is_select and not state.is_column_load and not state.execution_options.get(WITH_DELETED, False):
        state.statement = without_deleted(state.statement)


def without_deleted(statement: Any) -> Any:
    """``statement``, a ``select()``, which leaves out the rows that are marked as deleted."""
    # For each class, not only those that the statement selects from: a relationship may load others.
    criteria = [_is_there(cls) for cls in _tables_below(SoftDelete)]
    return statement.options(*criteria) if criteria else statement


@cache
def _is_there(cls: type[SoftDelete]) -> Any:
    return with_loader_criteria(cls, col(cls.deleted_at).is_(None), include_aliases=True)


def _tables_below(base: type[SoftDelete]) -> Iterator[type[SoftDelete]]:
    for cls in type.__subclasses__(base):
        if is_table_class(cls):
            yield cls
        yield from _tables_below(cls)
