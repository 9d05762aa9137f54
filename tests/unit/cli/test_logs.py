"""Log records as lines and as JSON."""

from __future__ import annotations

import json
import logging
import sys
from types import SimpleNamespace
from typing import Any

from sanic import Request

from velox.cli.logs import JsonRecords, Lines


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    """A record of a moment."""
    made = logging.LogRecord("shop", logging.WARNING, "shop.py", 3, message, arguments, more.pop("exc_info", None))
    made.__dict__.update(more)
    made.created = 1_790_000_000.25
    return made


def test_a_json_record_is_one_line_with_all_there_is_to_know() -> None:
    """What was given as ``extra`` too, and line breaks cannot forge another record."""
    text = JsonRecords().format(record("sold %s\nto you", "ink", order=7))
    assert "\n" not in text
    fields = json.loads(text)
    assert fields.pop("pid") > 0
    assert fields == {
        "time": "2026-09-21T14:13:20.250Z",
        "level": "warning",
        "logger": "shop",
        "message": "sold ink\nto you",
        "order": 7,
    }


def test_it_carries_the_id_of_the_request_that_is_answered() -> None:
    """And none outside of one."""
    formatter = JsonRecords()
    assert "request_id" not in json.loads(formatter.format(record("sold")))
    token = Request._current.set(SimpleNamespace(id="a1b2"))  # type: ignore[arg-type]
    try:
        assert json.loads(formatter.format(record("sold")))["request_id"] == "a1b2"
    finally:
        Request._current.reset(token)


def test_an_exception_comes_with_its_traceback() -> None:
    """In the same line."""
    try:
        raise OSError("no ink")
    except OSError:
        text = JsonRecords().format(record("failed", exc_info=sys.exc_info()))
    assert json.loads(text)["exception"].endswith("OSError: no ink")


def test_a_line_is_for_people() -> None:
    """Time, level, message."""
    assert Lines().format(record("sold %s", "ink")).endswith(" warning sold ink")
