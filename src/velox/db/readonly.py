"""Rows that nobody would save: those that a Reader has read."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, NoReturn
from weakref import ref

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState
from sqlmodel import Session as SyncSession

from velox.errors import VeloxError

__all__ = ["ReadOnly", "ReadOnlyState", "WritingSession", "make_read_only"]


class ReadOnly(VeloxError):
    """A Reader was asked to write, or a row that it has read was changed."""

    def __init__(self, attempt: str) -> None:
        super().__init__(f"A Reader only reads, and this would {attempt}. Ask for a Session instead: db: Session")


class ReadOnlyState(InstanceState[Any]):
    """What SQLAlchemy remembers of a row that a Reader has read: it belongs to no session, and refuses every change.

    SQLAlchemy tells a row's state before an attribute is set or deleted, and before a collection changes; so there is
    no way around it but the row's ``__dict__``.
    """

    __slots__ = ()

    # Nothing changes, so all rows share these.
    committed_state: Any = MappingProxyType({})
    expired_attributes: Any = frozenset()

    @property
    def key(self) -> Any:  # type: ignore[override]
        """The row's identity. It is asked for rarely, and by nobody after the row is gone."""
        return self.manager.mapper.identity_key_from_instance(self.obj())

    def __getstate__(self) -> dict[str, Any]:
        return {"row": self.obj()}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        row = pickled["row"]
        self.obj = ref(row)
        self.class_ = type(row)
        self.manager = inspect(self.class_).class_manager

    def _modified_event(self, dict_: Any, attr: Any, *args: Any, **kwargs: Any) -> NoReturn:
        what = f"{self.class_.__name__}.{attr.key}" if attr else f"a {self.class_.__name__}"
        raise ReadOnly(f"lose the change of {what}")


class WritingSession(SyncSession):
    """SQLModel's session, which does not take rows that a Reader has read.

    They may have changed in the database since, outside of the session's transaction.
    """


@event.listens_for(WritingSession, "before_attach")
def _refuse_rows_of_readers(_session: Any, row: Any) -> None:
    state = row.__dict__["_sa_instance_state"]
    if isinstance(state, ReadOnlyState):
        name = state.class_.__name__
        raise ReadOnly(
            f"save a {name} as it was when a Reader read it; read it again in the Session: await db.get({name}, ...)"
        )


def make_read_only(states: Iterable[InstanceState[Any]]) -> None:
    """Let the rows of ``states``, which belong to no session any more, refuse changes."""
    for state in states:
        state.__class__ = ReadOnlyState
