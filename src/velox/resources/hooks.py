"""Hooks: a project's own code around each write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Generic, Literal, TypeVar

from velox.db import Session

__all__ = ["Event", "Hook", "Hooks"]

T = TypeVar("T")
Event = Literal["create", "update", "delete"]
Hook = Callable[[T, Session], Awaitable[None] | None]
"""``hook(row, db)``, sync or async, inside of the request's transaction: what it raises undoes the write."""


class Hooks(Generic[T]):
    """The hooks of one resource, in the order in which they were declared."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Event], list[Hook[T]]] = {}

    def add(self, moment: str, event: Event, hook: Hook[T]) -> None:
        """Have ``hook`` called ``"before"`` or ``"after"`` an event."""
        self._found.setdefault((moment, event), []).append(hook)

    async def run(self, moment: str, event: Event, row: Any, db: Session) -> None:
        """Call what there is for it; what hooks change in a written row is written before it is shown."""
        hooks = self._found.get((moment, event), ())
        for hook in hooks:
            outcome = hook(row, db)
            if isawaitable(outcome):
                await outcome
        if hooks and moment == "after" and event != "delete":
            await db.add(row)
