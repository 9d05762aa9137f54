"""JSON bodies, case by case (``json.toml``): RFC 8259 against the reader that handlers' bodies go through."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.conformance.http.notation import to_bytes
from velox.errors import BadRequest
from velox.routing.body import JsonBody

GROUPS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "json.toml").read_text(encoding="utf-8"))["case"]


def cases(kind: str) -> list[Any]:
    """The texts of all cases that are to be accepted, or rejected."""
    return [
        pytest.param(to_bytes(text), id=f"{group['id']}/{name}")
        for group in GROUPS
        for name, text in group.get(kind, {}).items()
    ]


def read(text: bytes) -> Any:
    """``text`` as a handler gets it whose body may be anything."""
    request: Any = SimpleNamespace(body=text, content_type="application/json")
    return JsonBody(TypeAdapter(Any), max_bytes=2**20).read(request)


@pytest.mark.parametrize("text", cases("accept"))
def test_json_is_read_as_what_it_means(text: bytes) -> None:
    """The standard library's parser, lenient as it is, agrees on the meaning of what is valid."""
    assert read(text) == json.loads(text)


@pytest.mark.parametrize("text", cases("reject"))
def test_what_is_not_json_is_a_400(text: bytes) -> None:
    """And the detail says where it is wrong, without a stack overflow or any other error."""
    with pytest.raises(BadRequest, match="not valid JSON"):
        read(text)


@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"[1e99999]", b"1e" + b"9" * 5000])
def test_a_number_that_no_float_holds_is_infinite_or_a_400(text: bytes) -> None:
    """RFC 8259, section 6, leaves a number's range to the reader; a model with ``allow_inf_nan=False`` refuses it."""
    try:
        value = read(text)
    except BadRequest:
        return
    assert value in (math.inf, -math.inf, [math.inf])


def test_there_are_enough_cases() -> None:
    assert len(cases("accept")) + len(cases("reject")) >= 60
