"""Multipart forms, case by case (``multipart.toml``): RFC 7578 and 2046 against the reader that handlers' forms use.

Each body comes whole, in small pieces and byte by byte: where a piece ends must not decide what a form means.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conformance.http.notation import to_bytes
from velox.errors import Problem
from velox.routing.form import read_form
from velox.routing.plan import Limits
from velox.routing.upload import UploadFile

GROUPS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "multipart.toml").read_text(encoding="utf-8"))[
    "case"
]
LIMITS = Limits(json_body_bytes=0, form_body_bytes=2**20, form_parts=1000, form_spool_bytes=2**16)
WHOLE = 2**30
PIECES_MAX = 20_000


class Pieces:
    """A request's stream that comes in pieces of ``size`` bytes."""

    def __init__(self, body: bytes, size: int) -> None:
        self._pieces = iter([body[start : start + size] for start in range(0, len(body), size)])
        self.request_body = True

    async def read(self) -> bytes | None:
        piece = next(self._pieces, None)
        self.request_body = piece is not None
        return piece


def variants(kind: str) -> list[Any]:
    """The cases that have ``kind``, each with its variants' texts."""
    return [
        pytest.param(group, each, id=f"{group['id']}/{variant}".rstrip("/"))
        for group in GROUPS
        if kind in group
        for variant, each in (group.get("each") or {"": ""}).items()
    ]


def expected_parts(group: Mapping[str, Any], each: str) -> list[tuple[str, ...]]:
    parts: list[tuple[str, ...]] = []
    for raw in group["parts"]:
        *texts, last = raw
        times = last if isinstance(last, int) else 1
        part = tuple(
            to_bytes(text.replace("{each}", each)).decode("latin-1")
            for text in (texts if isinstance(last, int) else raw)
        )
        parts += [part] * times
    return parts


async def read(group: Mapping[str, Any], each: str, size: int) -> list[tuple[str, ...]]:
    """The form's parts, bytes as Latin-1."""
    content_type = to_bytes(group.get("type", "multipart/form-data; boundary=b").replace("{each}", each)).decode()
    body = to_bytes(group["send"].replace("{each}", each))
    request: Any = SimpleNamespace(
        headers={"content-type": content_type}, stream=Pieces(body, max(size, len(body) // PIECES_MAX))
    )
    form = await read_form(request, LIMITS)
    try:
        # By name, as handlers see them; within a name the order is the body's.
        return [await shown(name, value) for name, values in form.values.items() for value in values]
    finally:
        form.close()


async def shown(name: str, value: Any) -> tuple[str, ...]:
    text = name.encode().decode("latin-1")
    if not isinstance(value, UploadFile):
        return (text, value.encode().decode("latin-1"))
    content = (await value.read()).decode("latin-1")
    return (text, content, value.filename.encode().decode("latin-1"), value.content_type)


@pytest.mark.parametrize("size", [WHOLE, 7, 1], ids=["whole", "pieces", "bytes"])
@pytest.mark.parametrize(("group", "each"), variants("parts"))
async def test_a_form_is_read_as_what_it_is(group: Mapping[str, Any], each: str, size: int) -> None:
    """Every part with its name and content; those of one name in order."""
    by_name = itemgetter(0)
    assert sorted(expected_parts(group, each), key=by_name) == sorted(await read(group, each, size), key=by_name)


@pytest.mark.parametrize("size", [WHOLE, 7, 1], ids=["whole", "pieces", "bytes"])
@pytest.mark.parametrize(("group", "each"), variants("reject"))
async def test_what_is_no_form_is_refused(group: Mapping[str, Any], each: str, size: int) -> None:
    """With 400, 413 or 415: never an empty or partial form, never another error."""
    with pytest.raises(Problem) as caught:
        await read(group, each, size)
    assert caught.value.status in group["reject"]


def test_there_are_enough_cases() -> None:
    assert len(variants("parts")) + len(variants("reject")) >= 30
