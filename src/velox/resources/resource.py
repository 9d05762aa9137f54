"""``Resource``: a blueprint whose routes are made of a table class."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from velox.db import Create, Update
from velox.errors import ConfigurationError
from velox.location import shortened
from velox.resources.actions import ACTIONS, Action, ActionName
from velox.resources.bulk import add_bulk
from velox.resources.columns import check_model, key_of, value_type
from velox.resources.definition import Definition
from velox.resources.export import add_export
from velox.resources.hooks import Event, Hook, Hooks
from velox.resources.querying import Questions
from velox.resources.reads import add_get, add_list
from velox.resources.shape import Shape
from velox.resources.writes import add_create, add_delete, add_patch, add_replace
from velox.routing.blueprint import Blueprint
from velox.rules import LimitOption

__all__ = ["Resource"]

T = TypeVar("T")
MAKERS: dict[ActionName, Callable[[Blueprint, Definition], None]] = {
    "list": add_list,
    "create": add_create,
    "export": add_export,
    "bulk": add_bulk,
    "get": add_get,
    "replace": add_replace,
    "patch": add_patch,
    "delete": add_delete,
}


def every_row() -> tuple[()]:
    """The rows of a resource that shows all of its table."""
    return ()


def no_values() -> dict[str, Any]:
    """What the server sets in the rows of a resource that sets nothing."""
    return {}


class Resource(Blueprint, Generic[T]):
    """The rows of a table as an API: list, get, create, replace, patch, delete, bulk and export.

    It is a blueprint: ``app.discover`` finds it, and routes of your own can be added to it.

    Args:
        model: A table class with a primary key of one column.
        url_prefix: What every path in it begins with, such as ``"/links"``.
        name: The blueprint's name. Default: the prefix, as far as it is letters and digits.
        actions: What can be done. Default: everything; with ``require_if_match`` everything but ``bulk``.
        rules: What is said of single actions: ``{"delete": Action(guard=roles("admin"))}``. ``bulk`` is also guarded by
            what guards ``create``, ``patch`` and ``delete``.
        create, update, public: Schemas in the place of ``Create[model]``, ``Update[model]`` and ``Public[model]``.
        filterable, sortable: Fields to filter and sort by, besides the primary key and those that lead an index.
        searchable: The text fields that ``?q=`` looks into. Default: none, and there is no ``q``. It reads every row.
        expand: The relationships that ``?expand=`` can ask for.
        rows: A provider (its parameters are filled as a handler's) of the condition that a row must fulfil to be seen
            or written by this request: ``def mine(user: User): return Link.owner_id == user.id``. Others are a 404.
        values: A provider of the columns that the server sets in new rows: ``{"owner_id": user.id}``.
        require_if_match: Refuse (428) to replace, patch or delete without ``If-Match``. Default ``False``.
        max_bulk: The most rows to create, update or delete in one request of ``bulk``.
        guard, limit: What holds for all of its routes together, as for any blueprint.

    Raises:
        ConfigurationError: VX416, no resource can be made of the model, or the options contradict each other; VX417, a
            name is of no field or relationship that can be used so.
    """

    __slots__ = ("definition",)

    def __init__(
        self,
        model: type[T],
        url_prefix: str,
        *,
        name: str | None = None,
        actions: Sequence[ActionName] | None = None,
        rules: Mapping[ActionName, Action] | None = None,
        create: type[BaseModel] | None = None,
        update: type[BaseModel] | None = None,
        public: type[BaseModel] | None = None,
        filterable: Sequence[str] = (),
        sortable: Sequence[str] = (),
        searchable: Sequence[str] = (),
        expand: Sequence[str] = (),
        rows: Callable[..., Any] = every_row,
        values: Callable[..., Any] = no_values,
        require_if_match: bool = False,
        max_bulk: int = 100,
        guard: Any = (),
        limit: LimitOption = None,
    ) -> None:
        check_model(model)
        super().__init__(
            name or re.sub(r"\W+", "_", url_prefix).strip("_") or "rows", url_prefix, guard=guard, limit=limit
        )
        caller = sys._getframe(1)
        self.ctx.place = f"{shortened(caller.f_code.co_filename)}:{caller.f_lineno}"
        table: Any = model
        shape = Shape(table, public, expand)
        wanted = _actions(table, actions, rules or {}, require_if_match)
        self.definition = Definition(
            model=table,
            key=key_of(table),
            key_type=value_type(table, key_of(table)),
            shape=shape,
            questions=Questions(
                table,
                filterable=filterable,
                sortable=sortable,
                searchable=searchable,
                shown=shape.names,
                relations=expand,
            ),
            created=create or _derived(Create)[table],
            updated=update or _derived(Update)[table],
            hooks=Hooks(),
            rows=rows,
            values=values,
            actions=wanted,
            rules=rules or {},
            require_if_match=require_if_match,
            max_bulk=max_bulk,
        )
        _check_schemas(self.definition)
        for action, add in MAKERS.items():
            if action in wanted:
                add(self, self.definition)

    def before(self, event: Event) -> Callable[[Hook[T]], Hook[T]]:
        """Call ``hook(row, db)`` before a row is created, updated (its new values are set) or deleted.

        What it raises is the answer, and nothing is written.
        """
        return self._hooking("before", event)

    def after(self, event: Event) -> Callable[[Hook[T]], Hook[T]]:
        """Call ``hook(row, db)`` after a row was written, in the same transaction: what it raises undoes the write.

        For what must not happen before the commit there is ``db.on_commit`` and, better, a job.
        """
        return self._hooking("after", event)

    def _hooking(self, moment: str, event: Event) -> Callable[[Hook[T]], Hook[T]]:
        def remember(hook: Hook[T]) -> Hook[T]:
            self.definition.hooks.add(moment, event, hook)
            return hook

        return remember


def _derived(schema: Any) -> Any:
    """``schema``, to be made of a class that is known at run time only."""
    return schema


def _actions(
    model: Any, actions: Sequence[ActionName] | None, rules: Mapping[ActionName, Action], require_if_match: bool
) -> tuple[ActionName, ...]:
    wanted = actions if actions is not None else tuple(a for a in ACTIONS if a != "bulk" or not require_if_match)
    if unknown := {*wanted, *rules} - {*ACTIONS}:
        raise ConfigurationError(
            "VX416",
            f"the resource of {model.__name__} has no action {min(unknown)!r}",
            hint=f"There are {', '.join(ACTIONS)}",
        )
    if require_if_match and "bulk" in wanted:
        raise ConfigurationError(
            "VX416",
            f"the resource of {model.__name__} requires If-Match, and bulk has none",
            hint="Leave bulk out of the actions",
        )
    return tuple(wanted)


def _check_schemas(of: Definition) -> None:
    if of.key in of.updated.model_fields:
        raise ConfigurationError(
            "VX416",
            f"the update schema {of.updated.__name__} of {of.model.__name__} has the primary key {of.key!r}",
            hint="A row keeps its key: remove the field",
        )
