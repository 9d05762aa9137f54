"""On whose behalf a statement is run: the line of code that asked, and the request or job that it belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from velox.db.place import user_place

__all__ = ["Asker", "Unit", "asker", "behalf", "unit"]


@dataclass(slots=True)
class Unit:
    """A session, a reader or a writer, and what is opened inside it: usually a request or a job."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each statement was run from each place."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked."""

    place: str | None
    """``file:line`` of the user's code; ``None`` when only libraries are at work."""
    unit: Unit | None


_unit: ContextVar[Unit | None] = ContextVar("velox_database_unit", default=None)
_behalf: ContextVar[Asker | None] = ContextVar("velox_database_behalf", default=None)


def asker() -> Asker:
    """Who asks now."""
    return _behalf.get() or Asker(user_place(), _unit.get())


@contextmanager
def unit() -> Iterator[None]:
    """What is asked inside belongs together, with what is around it."""
    if _unit.get() is not None:
        yield
        return
    _unit.set(Unit())
    try:
        yield
    finally:
        _unit.set(None)  # not reset(): it may end in another context than it began


@contextmanager
def behalf(of: Asker | None) -> Iterator[None]:
    """What is asked inside is asked for ``of``; ``None``: for whoever asks."""
    if of is None:
        yield
        return
    token = _behalf.set(of)
    try:
        yield
    finally:
        _behalf.reset(token)
