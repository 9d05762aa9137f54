"""The handler that writes many rows at once, all or none."""

# mypy: disable-error-code="valid-type"
# The schemas are made of the model, at run time.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from sanic import HTTPResponse as Response
from sqlmodel import col, select

from velox.db import Session
from velox.errors import Conflict, FieldError, NotFound, Problem, ValidationProblem, phrase
from velox.resources.actions import Action, ActionName
from velox.resources.definition import Definition, listed
from velox.routing.blueprint import Blueprint
from velox.routing.markers import Provide

__all__ = ["add_bulk"]

PARTS: dict[ActionName, str] = {"create": "create", "patch": "update", "delete": "delete"}
"""The member of the body for each action; what the resource does not do one by one, it does not do in bulk."""


def add_bulk(routes: Blueprint, of: Definition) -> None:
    """``POST /links/bulk``."""
    Body = _body(of)  # noqa: N806 - they are types
    Answer = _answer(of)  # noqa: N806
    Narrowed, Values = Annotated[Any, Provide(of.rows)], Annotated[Any, Provide(of.values)]  # noqa: N806

    options = of.options("bulk") | {"guard": _guards(of)}
    problems = [NotFound, Conflict]

    @routes.post("/bulk", summary=f"Write many {of.model.__name__} rows", problems=problems, **options)
    async def write_rows(
        body: Body,
        narrowed: Narrowed,
        values: Values,
        db: Session,
    ) -> Answer | Response:
        """In one transaction: all of it is done, or nothing; errors point at the items."""
        asked: Any = body
        changes, leaving = getattr(asked, "update", []), getattr(asked, "delete", [])
        rows = await _locked(of, changes, leaving, narrowed, db)
        created, updated = [], []
        for at, item in enumerate(getattr(asked, "create", [])):
            with _pointing_at(f"/create/{at}"):
                row = of.model.from_(item, **(values or {}))
                await of.hooks.run("before", "create", row, db)
                await db.add(row)
                await of.hooks.run("after", "create", row, db)
                created.append(row)
        for at, item in enumerate(changes):
            with _pointing_at(f"/update/{at}"):
                row = rows[getattr(item, of.key)].apply(item)
                await of.hooks.run("before", "update", row, db)
                await db.add(row)
                await of.hooks.run("after", "update", row, db)
                updated.append(row)
        for at, key in enumerate(leaving):
            with _pointing_at(f"/delete/{at}"):
                await of.hooks.run("before", "delete", rows[key], db)
                await db.delete(rows[key])
                await of.hooks.run("after", "delete", rows[key], db)
        made = b'{"created":%b,"updated":%b,"deleted":%d}'
        shown = made % (of.shape.many(created), of.shape.many(updated), len(leaving))
        return Response(shown, content_type="application/json")


def _body(of: Definition) -> type[BaseModel]:
    name = of.model.__name__
    key: Any = {of.key: (of.key_type, ...)}
    change = create_model(f"{name}BulkUpdate", __base__=of.updated, **key)
    items = {"create": of.created, "update": change, "delete": of.key_type}
    parts: Any = {
        part: (list[items[part]], Field(default=[], max_length=of.max_bulk))
        for action, part in PARTS.items()
        if action in of.actions
    }
    made: type[BaseModel] = create_model(f"{name}Bulk", __config__=ConfigDict(extra="forbid"), **parts)
    return made


def _answer(of: Definition) -> type[BaseModel]:
    shown = list[of.shape.public]  # type: ignore[name-defined]
    made: type[BaseModel] = create_model(
        f"{of.model.__name__}BulkAnswer", created=(shown, ...), updated=(shown, ...), deleted=(int, ...)
    )
    return made


def _guards(of: Definition) -> list[Any]:
    """Whoever may not do it one by one may not do it in bulk."""
    found: list[Any] = []
    for action in ("bulk", *PARTS):
        guard = of.rules.get(action, Action()).guard
        found += guard if isinstance(guard, (list, tuple)) else [guard]
    return list(dict.fromkeys(found))


async def _locked(of: Definition, changes: list[Any], leaving: list[Any], narrowed: Any, db: Session) -> dict[Any, Any]:
    """The rows to write, by key, with one statement."""
    asked = [(f"/update/{at}/{of.key}", getattr(item, of.key)) for at, item in enumerate(changes)]
    asked += [(f"/delete/{at}", key) for at, key in enumerate(leaving)]
    if not asked:
        return {}
    keys = {key for _, key in asked}
    twice = [place for at, (place, key) in enumerate(asked) if key in {other for _, other in asked[:at]}]
    if twice:
        raise ValidationProblem(errors=[FieldError("It is named twice", "repeated", pointer=place) for place in twice])
    column: Any = col(getattr(of.model, of.key))
    # In the order of the key, so that two of these requests wait for each other instead of deadlocking.
    statement = select(of.model).where(column.in_(sorted(keys)), *listed(narrowed)).order_by(column).with_for_update()
    found = await db.exec(statement.execution_options(populate_existing=True))
    rows = {getattr(row, of.key): row for row in found}
    missing = [
        FieldError("There is no such row", "not_found", pointer=place) for place, key in asked if key not in rows
    ]
    if missing:
        raise NotFound("Some rows do not exist.", errors=missing)
    return rows


@contextmanager
def _pointing_at(place: str) -> Iterator[None]:
    """Let a problem in the block point at the item at ``place`` in the body."""
    try:
        yield
    except Problem as problem:
        said = FieldError(problem.detail or problem.title, phrase(problem.status).lower().replace(" ", "_"), place)
        errors = [
            FieldError(error.message, error.code, pointer=place + (error.pointer or ""))
            for error in problem.errors
            if error.parameter is None
        ]
        problem.errors = tuple(errors or [said])
        raise
