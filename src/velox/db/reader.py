"""``Reader``: a session that only reads, and therefore never waits for a writer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session as SyncSession

from velox.db.mixins import hide_deleted
from velox.db.reading import Reading
from velox.errors import VeloxError

__all__ = ["ReadOnly", "Reader"]


class ReadOnly(VeloxError):
    """A Reader was asked to write."""

    def __init__(self, attempt: str) -> None:
        super().__init__(f"A Reader only reads, and this would {attempt}. Ask for a Session instead: db: Session")


class _ReadOnlySession(SyncSession):
    """The synchronous half."""


event.listen(_ReadOnlySession, "do_orm_execute", hide_deleted)


@event.listens_for(_ReadOnlySession, "do_orm_execute")
def _refuse_to_write(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        raise ReadOnly("change rows")


class Reader(Reading):
    """Reads rows: ``get``, ``exec``, ``one``, ``page``.

    Each statement sees the newest committed state, and none waits for a writer. Rows stay readable after the reader is
    closed.

    Raises:
        ReadOnly: Something would be written: ``add``, ``delete``, ``commit``, ..., an ``update()`` statement, or, when
            the reader is closed, a row that was changed.
    """

    sync_session_class = _ReadOnlySession

    def refuse_changes(self) -> None:
        """Raise :class:`ReadOnly` if a row was changed: nobody would save it."""
        if self.sync_session.new or any(self.sync_session.is_modified(row) for row in self.sync_session.dirty):
            raise ReadOnly("lose the change of a row")

    def add(self, instance: object, _warn: bool = True) -> NoReturn:
        raise ReadOnly("add a row")

    def add_all(self, instances: Iterable[object]) -> NoReturn:
        raise ReadOnly("add rows")

    async def delete(self, instance: object) -> NoReturn:
        raise ReadOnly("delete a row")

    async def delete_all(self, instances: Iterable[object]) -> NoReturn:
        raise ReadOnly("delete rows")

    async def merge(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ReadOnly("merge a row")

    async def flush(self, objects: Any = None) -> NoReturn:
        raise ReadOnly("flush")

    async def commit(self) -> NoReturn:
        raise ReadOnly("commit")
