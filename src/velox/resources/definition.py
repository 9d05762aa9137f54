"""Everything that a resource's handlers need to know, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from pydantic import BaseModel
from sanic import HTTPResponse as Response
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from velox.db import Timestamps
from velox.errors import NotFound
from velox.resources.actions import Action, ActionName
from velox.resources.hooks import Hooks
from velox.resources.querying import Questions
from velox.resources.shape import Shape, etag_of

__all__ = ["Definition", "listed"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A resource."""

    model: Any
    key: str
    """The field of the primary key."""
    key_type: Any
    shape: Shape
    questions: Questions
    created: type[BaseModel]
    updated: type[BaseModel]
    hooks: Hooks[Any]
    rows: Callable[..., Any]
    """A provider: the condition of all rows that this request may touch, or a list of such."""
    values: Callable[..., Any]
    """A provider: the columns that the server sets in a new row."""
    actions: tuple[ActionName, ...]
    rules: Mapping[ActionName, Action]
    require_if_match: bool
    max_bulk: int

    def options(self, action: ActionName) -> dict[str, Any]:
        """What the route of ``action`` is declared with."""
        rule = self.rules.get(action, Action())
        return {"name": action, "guard": rule.guard, "limit": rule.limit, "cache": rule.cache}

    def having(self, key: Any, narrowed: Any) -> SelectOfScalar[Any]:
        """The statement that selects the row with the primary key ``key``."""
        return select(self.model).where(getattr(self.model, self.key) == key, *listed(narrowed))

    def missing(self) -> NotFound:
        return NotFound(f"There is no such {self.model.__name__}.")

    def changed(self, row: Any) -> datetime | None:
        """When ``row`` was last written, where its table keeps that."""
        return row.updated_at if isinstance(row, Timestamps) else None

    def answer(
        self, body: bytes, changed: datetime | None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The answer that shows a row, last changed at ``changed``, as ``body``."""
        fields = {"ETag": etag_of(body), **(headers or {})}
        if changed is not None:
            fields["Last-Modified"] = format_datetime(changed.astimezone(UTC), usegmt=True)
        if status == 304:
            return Response(b"", status, fields)
        return Response(body, status, fields, content_type="application/json")


def listed(narrowed: Any) -> list[Any]:
    """One condition, several, or none, as a list."""
    if narrowed is None:
        return []
    return list(narrowed) if isinstance(narrowed, (list, tuple)) else [narrowed]
