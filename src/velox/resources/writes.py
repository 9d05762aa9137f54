"""The handlers that write one row: ``create``, ``replace``, ``patch`` and ``delete``."""

# mypy: disable-error-code="valid-type"
# The schemas are made of the model, at run time.

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from sanic import HTTPResponse as Response
from sanic import Request

from velox.db import Session
from velox.errors import Conflict, FieldError, NotFound, PreconditionRequired, ValidationProblem
from velox.http.preconditions import Preconditions
from velox.resources.definition import Definition
from velox.resources.shape import etag_of
from velox.routing.blueprint import Blueprint
from velox.routing.markers import Provide

__all__ = ["add_create", "add_delete", "add_patch", "add_replace"]


def add_create(routes: Blueprint, of: Definition) -> None:
    """``POST /links/``."""
    Created, Shown = of.created, of.shape.public  # noqa: N806 - they are types
    Values = Annotated[Any, Provide(of.values)]  # noqa: N806

    @routes.post("/", status=201, summary=f"Make a {of.model.__name__}", problems=[Conflict], **of.options("create"))
    async def create_row(
        request: Request,
        body: Created,
        values: Values,
        db: Session,
    ) -> Shown | Response:
        """Location says where it is."""
        row = of.model.from_(body, **(values or {}))
        await of.hooks.run("before", "create", row, db)
        await db.add(row)
        await of.hooks.run("after", "create", row, db)
        place = f"{request.path.rstrip('/')}/{quote(str(getattr(row, of.key)), safe='')}"
        return of.answer(of.shape.one(row), of.changed(row), 201, {"Location": place})


def add_replace(routes: Blueprint, of: Definition) -> None:
    """``PUT /links/<id>``."""
    Created, Shown, Key = of.created, of.shape.public, of.key_type  # noqa: N806
    Narrowed = Annotated[Any, Provide(of.rows)]  # noqa: N806

    @routes.put("/<id>", summary=f"Replace a {of.model.__name__}", **_problems(of), **of.options("replace"))
    async def replace_row(
        id: Key,
        body: Created,
        narrowed: Narrowed,
        conditions: Preconditions,
        db: Session,
    ) -> Shown | Response:
        """What the body leaves out gets its default."""
        row = await _owned(of, id, narrowed, conditions, db)
        for name, value in vars(body).items():
            if name == of.key and value != getattr(row, name):
                error = FieldError("Input should be the key in the path", "key", pointer=f"/{name}")
                raise ValidationProblem(errors=[error])
            if name in of.model.model_fields:
                setattr(row, name, value)
        return await _written(of, row, db)


def add_patch(routes: Blueprint, of: Definition) -> None:
    """``PATCH /links/<id>``."""
    Updated, Shown, Key = of.updated, of.shape.public, of.key_type  # noqa: N806
    Narrowed = Annotated[Any, Provide(of.rows)]  # noqa: N806

    @routes.patch("/<id>", summary=f"Change a {of.model.__name__}", **_problems(of), **of.options("patch"))
    async def patch_row(
        id: Key,
        body: Updated,
        narrowed: Narrowed,
        conditions: Preconditions,
        db: Session,
    ) -> Shown | Response:
        """What the body leaves out stays as it is."""
        row = await _owned(of, id, narrowed, conditions, db)
        return await _written(of, row.apply(body), db)


def add_delete(routes: Blueprint, of: Definition) -> None:
    """``DELETE /links/<id>``."""
    Key, Narrowed = of.key_type, Annotated[Any, Provide(of.rows)]  # noqa: N806

    @routes.delete("/<id>", summary=f"Delete a {of.model.__name__}", **_problems(of), **of.options("delete"))
    async def delete_row(id: Key, narrowed: Narrowed, conditions: Preconditions, db: Session) -> None:
        """A soft-deleted row is marked, and not found from then on."""
        row = await _owned(of, id, narrowed, conditions, db)
        await of.hooks.run("before", "delete", row, db)
        await db.delete(row)
        await of.hooks.run("after", "delete", row, db)


async def _owned(of: Definition, key: Any, narrowed: Any, conditions: Preconditions, db: Session) -> Any:
    """The row, which nobody else can write until the transaction ends, and which is what the client thinks it is."""
    if of.require_if_match:
        conditions.require()
    row = await db.one(of.having(key, narrowed), missing=of.missing(), lock=True)
    conditions.check(etag=etag_of(of.shape.one(row)), last_modified=of.changed(row))
    return row


async def _written(of: Definition, row: Any, db: Session) -> Response:
    await of.hooks.run("before", "update", row, db)
    await db.add(row)
    await of.hooks.run("after", "update", row, db)
    return of.answer(of.shape.one(row), of.changed(row))


def _problems(of: Definition) -> dict[str, Any]:
    return {"problems": [NotFound, Conflict, *([PreconditionRequired] if of.require_if_match else [])]}
