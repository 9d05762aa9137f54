"""The handlers that read: ``list`` and ``get``."""

# mypy: disable-error-code="valid-type"
# The schemas are made of the model, at run time.

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, create_model
from sanic import HTTPResponse as Response
from sqlmodel import func, select

from velox.db import Reader
from velox.http.preconditions import Preconditions
from velox.resources.definition import Definition, listed
from velox.resources.page import ResourcePage
from velox.resources.shape import etag_of
from velox.routing.blueprint import Blueprint
from velox.routing.markers import Provide

__all__ = ["add_get", "add_list"]


def add_list(routes: Blueprint, of: Definition) -> None:
    """``GET /links/``."""
    Query, Narrowed = of.questions.paged, Annotated[Any, Provide(of.rows)]  # noqa: N806 - they are types
    Answer = ResourcePage[of.shape.public] | ResourcePage[of.shape.view]  # type: ignore[name-defined]  # noqa: N806

    @routes.get("/", summary=f"List {of.model.__name__} rows", **of.options("list"))
    async def list_rows(query: Query, narrowed: Narrowed, db: Reader) -> Answer | Response:
        """Filtered, searched, sorted, a slice at a time."""
        asked: Any = query
        order = of.questions.order(asked)
        whole = of.questions.statement(asked, listed(narrowed))
        statement = whole.order_by(*order.by()).limit(asked.limit + 1)
        if asked.cursor is not None:
            statement = statement.where(order.after(of.questions.cursors.read(asked.cursor, order)))
        elif asked.offset:
            statement = statement.offset(asked.offset)
        expand = getattr(asked, "expand", None)
        found = list(await db.exec(statement, load=of.shape.loads(expand)))
        rows, total, offset = found[: asked.limit], None, None
        if asked.cursor is None:
            offset, total = asked.offset, asked.offset + len(rows)
            if len(found) > asked.limit or (not rows and offset):
                counting: Any = select(func.count()).select_from(whole.subquery())
                total = await db.one(counting)
        page = ResourcePage[Any].model_construct(
            items=[],
            limit=asked.limit,
            offset=offset,
            total=total,
            next_cursor=of.questions.cursors.write(order, rows[-1]) if len(found) > asked.limit else None,
        )
        rest = page.model_dump_json(exclude={"items"}).encode()
        items = of.shape.many(rows, asked.fields, expand)
        return Response(b'{"items":' + items + b"," + rest[1:], content_type="application/json")


def add_get(routes: Blueprint, of: Definition) -> None:
    """``GET /links/<id>``."""
    Key, Narrowed = of.key_type, Annotated[Any, Provide(of.rows)]  # noqa: N806
    Answer = of.shape.public | of.shape.view  # noqa: N806
    fields = of.questions.paged.model_fields
    picking: Any = {name: (fields[name].annotation, fields[name]) for name in ("fields", "expand") if name in fields}
    View = create_model(f"{of.model.__name__}ViewQuery", __config__=ConfigDict(extra="forbid"), **picking)  # noqa: N806

    @routes.get("/<id>", summary=f"Read a {of.model.__name__}", **of.options("get"))
    async def get_row(
        id: Key,
        view: View,
        narrowed: Narrowed,
        conditions: Preconditions,
        db: Reader,
    ) -> Answer | Response:
        """Its ETag is for If-None-Match, and, of the whole row, for If-Match when it is written."""
        asked: Any = view
        expand = getattr(asked, "expand", None)
        row = await db.one(of.having(id, narrowed), missing=of.missing(), load=of.shape.loads(expand))
        body = of.shape.one(row, asked.fields, expand)
        # Related rows change without this one's time.
        etag, changed = etag_of(body), of.changed(row) if not expand else None
        conditions.check(etag=etag, last_modified=changed)
        known = conditions.is_known(etag=etag, last_modified=changed)
        return of.answer(body, changed, status=304 if known else 200)
