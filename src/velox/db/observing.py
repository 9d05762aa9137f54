"""Telling others of each statement: the log of slow ones, a test's expectations, the advisor.

Nobody is told, and nothing is spent on it, until somebody listens. Then the two engines' cursors are heard through
SQLAlchemy's events, and a Reader's statements in the event loop's own thread through a wrapper of that connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, event

from velox.db.asker import Unit, asker, unit
from velox.db.engine import Lanes
from velox.db.inline import Inline
from velox.db.network import Kept
from velox.db.statements import Prepared

__all__ = ["Listener", "Observers", "Seen"]

# What the advisor asks itself, and what is about the database and not about what is in it.
_OWN = ("EXPLAIN", "ANALYZE", "PRAGMA", "SHOW", "SET")


@dataclass(frozen=True, slots=True)
class Seen:
    """A statement that was run."""

    sql: str
    """As the driver got it, without its values."""
    parameters: Any
    """Its values, in the driver's form; of a statement that was run for many rows, the first one's."""
    elapsed_s: float
    """Seconds until the driver had its answer, with the time that the event loop did something else meanwhile."""
    place: str | None
    """``file:line`` of the user's code that asked; ``None`` when only libraries are at work."""
    unit: Unit | None
    """The request or job that it belongs to; ``None`` outside of any."""
    ask: Ask
    """Runs another statement on the same connection, as long as the listener is being called."""
    dialect: str
    """SQLAlchemy's name of the database: ``sqlite``, ``postgresql``, ``mariadb`` or ``mysql``."""


Ask = Callable[[str, Any], list[Any]]
"""A statement and its values, as the driver gets them → the rows."""


Listener = Callable[[Seen], None]


class Observers:
    """Those who are told of a database's statements."""

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self._listeners = list(listeners)

    def __bool__(self) -> bool:
        return bool(self._listeners)

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def tell(self, sql: str, parameters: Any, elapsed_s: float, *, ask: Ask, dialect: str, many: bool = False) -> None:
        """Tell all of a statement."""
        if sql.lstrip()[:8].upper().startswith(_OWN):
            return
        if many:
            parameters = parameters[0] if parameters else ()
        by = asker()
        seen = Seen(sql, parameters, elapsed_s, by.place, by.unit, ask, dialect)
        if seen.unit is not None and seen.place is not None:
            seen.unit.counts[seen.sql, seen.place] += 1
        for listener in self._listeners:
            listener(seen)

    def attach(self, lanes: Lanes) -> None:
        """Hear what goes through ``lanes``, from now on; once for each."""
        for engine in {id(one): one for one in (lanes.write, lanes.read)}.values():
            event.listen(engine.sync_engine, "before_cursor_execute", _begin)
            event.listen(engine.sync_engine, "after_cursor_execute", self._end)
        lanes.reading.observe(lambda inline: _Heard(inline, self))

    def unit(self) -> AbstractContextManager[None]:
        """What is told inside belongs together, unless there is such a unit around it already."""
        return unit() if self._listeners else nullcontext()

    def _end(self, connection: Connection, _: Any, statement: str, *parameters_context_many: Any) -> None:
        parameters, _, many = parameters_context_many
        if self._listeners:
            began_s = connection.info.get("velox_began_s", perf_counter())
            elapsed_s = perf_counter() - began_s
            dialect = connection.dialect.name
            self.tell(statement, parameters, elapsed_s, ask=partial(_ask, connection), dialect=dialect, many=many)


def _begin(connection: Connection, *_: Any) -> None:
    connection.info["velox_began_s"] = perf_counter()


def _ask(connection: Connection, sql: str, parameters: Any) -> list[Any]:
    """On the driver, where nobody listens; and in turn, where a test's connection is everybody's."""

    def run() -> list[Any]:
        cursor: Any = connection.connection.cursor()
        cursor.execute(sql, parameters)
        rows = list(cursor.fetchall()) if cursor.description else []
        cursor.close()
        return rows

    kept = getattr(connection.dialect, "kept", None)
    return kept.run(run) if isinstance(kept, Kept) else run()


class _Heard(Inline):
    """The event loop's own connection, whose statements are told."""

    def __init__(self, inline: Inline, observers: Observers) -> None:
        self._inner = inline
        self._observers = observers

    def fetch(self, prepared: Prepared, sql: str, values: list[Any]) -> list[Any] | None:
        began_s = perf_counter()
        rows = self._inner.fetch(prepared, sql, values)
        if rows is not None and self._observers:
            elapsed_s = perf_counter() - began_s
            self._observers.tell(sql, tuple(values), elapsed_s, ask=self._inner.ask, dialect="sqlite")
        return rows

    def close(self) -> None:
        self._inner.close()
