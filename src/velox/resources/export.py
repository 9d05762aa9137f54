"""The handlers that answer every row, as they are read: CSV (RFC 4180) and JSON lines."""

# mypy: disable-error-code="valid-type"
# The schemas are made of the model, at run time.

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from sanic import Request

from velox.db import Reader
from velox.resources.definition import Definition, listed
from velox.routing.blueprint import Blueprint
from velox.routing.layer import carry
from velox.routing.markers import Provide
from velox.routing.stream import JsonLines, MediaType

__all__ = ["add_export", "cell"]

ROWS_AT_ONCE = 200
"""A piece for each row would cost more than the rows."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?")
"""A Decimal below zero is text in JSON."""
Csv = Annotated[AsyncIterator[str], MediaType("text/csv; charset=utf-8")]


def cell(value: Any) -> Any:
    """A value as a CSV cell that no spreadsheet takes for a formula: text that begins like one gets a ``'``.

    Source: OWASP, CSV Injection.
    """
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    is_formula = isinstance(value, str) and value.startswith(FORMULA) and not NUMBER.fullmatch(value)
    return "'" + value if is_formula else value


def add_export(routes: Blueprint, of: Definition) -> None:
    """``GET /links/export.csv`` and ``GET /links/export.jsonl``."""
    Query, Narrowed, Shown = of.questions.asked, Annotated[Any, Provide(of.rows)], of.shape.public  # noqa: N806
    options = of.options("export")
    name = of.model.__name__

    @routes.get("/export.csv", summary=f"All {name} rows as CSV", **options | {"name": "export_csv"})
    async def export_csv(query: Query, narrowed: Narrowed, request: Request, db: Reader) -> Csv:
        """Text that a spreadsheet would take for a formula begins with an apostrophe."""
        carry(request, _attachment(routes, "csv"))
        held = [_line(of.shape.names)]
        async for row in db.stream(_statement(of, query, narrowed)):
            held.append(_line(cell(value) for value in of.shape.values(row).values()))
            if len(held) >= ROWS_AT_ONCE:
                yield "".join(held)
                held = []
        if held:
            yield "".join(held)

    @routes.get("/export.jsonl", summary=f"All {name} rows as JSON lines", **options | {"name": "export_jsonl"})
    async def export_jsonl(
        query: Query,
        narrowed: Narrowed,
        request: Request,
        db: Reader,
    ) -> JsonLines[Shown]:
        """One row a line."""
        carry(request, _attachment(routes, "jsonl"))
        async for row in db.stream(_statement(of, query, narrowed)):
            yield row


def _statement(of: Definition, query: Any, narrowed: Any) -> Any:
    return of.questions.statement(query, listed(narrowed)).order_by(*of.questions.order(query).by())


def _attachment(routes: Blueprint, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{routes.name}.{kind}"'}


def _line(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
