"""The test that makes a page: fortunes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sanic import HTTPResponse
from sanic.response import html

from examples.techempower.tables import Fortune
from velox import Blueprint
from velox.db import Reader, select

__all__ = ["blueprint", "page"]

ADDED = Fortune(id=0, message="Additional fortune added at request time.")

PAGE = (
    "<!DOCTYPE html><html><head><title>Fortunes</title></head>"
    "<body><table><tr><th>id</th><th>message</th></tr>{rows}</table></body></html>"
)
ROW = "<tr><td>{id}</td><td>{message}</td></tr>"

blueprint = Blueprint("fortunes")


def page(fortunes: Iterable[Fortune]) -> str:
    """The page with ``fortunes`` in their order; a message is text, whatever it contains."""
    return PAGE.format(rows="".join(ROW.format(id=each.id, message=escape(each.message)) for each in fortunes))


@blueprint.get("/fortunes")
async def tell(db: Reader) -> HTTPResponse:
    fortunes = [*(await db.exec(select(Fortune))).all(), ADDED]
    return html(page(sorted(fortunes, key=lambda each: each.message)))
