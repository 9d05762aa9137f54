"""The cases of the package multipart-form-data-conformance; where Velox answers otherwise, it says why.

The package calls itself an early alpha, and some of its expectations contradict RFC 7578.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from multipart_form_data_conformance import get_tests_dir

from tests.conformance.body.test_multipart import LIMITS, WHOLE, Pieces
from velox.errors import Problem
from velox.routing.form import read_form
from velox.routing.upload import UploadFile

CASES = sorted(path.parent for path in get_tests_dir().glob("*/*/test.json"))
DEFAULT_TYPE = "a file without a Content-Type is application/octet-stream to a handler, not None"
LINE_ENDS = "lines end with CRLF (RFC 2046, section 5.1.1); who takes LF too finds boundaries where others see content"
STAR = "filename* must not be used (RFC 7578, section 4.2): it is ignored"
DEVIATIONS = {
    "022-filename-star-encoding": STAR,
    "023-both-filename-star": STAR,
    "026-filename-with-backslash": "a backslash stands for itself, as browsers send it (WHATWG HTML)",
    "044-boundary-special-chars": "a boundary that is no token has to be quoted (RFC 2045, section 5.1)",
    "061-lf-only-lenient": LINE_ENDS,
    "062-mixed-endings": LINE_ENDS,
    "081-missing-content-type": DEFAULT_TYPE,
    "082-content-type-charset": "UploadFile.content_type is the type alone, for comparing; it has no parameters",
    "085-header-folding": "folded lines are refused, as in the request's head (RFC 9112, section 5.2)",
    "086-parameter-ordering": DEFAULT_TYPE,
    "107-preamble-content": "nothing sends a preamble, and what is before the first boundary could hide one",
    "207-epilogue-content": "nothing sends an epilogue either",
    "210-control-chars-in-name": "a NUL in a header is refused, as in the request's head (RFC 9110, section 5.5)",
}


def load(folder: Path) -> tuple[Any, dict[str, str], bytes]:
    """What is expected, the headers, the body."""
    expected = json.loads((folder / "test.json").read_text("utf-8"))["expected"]
    return expected, json.loads((folder / "headers.json").read_text("utf-8")), (folder / "input.raw").read_bytes()


async def read(headers: dict[str, str], body: bytes, size: int) -> list[tuple[str, str | None, str | None, bytes]]:
    """Name, file name, content type and content of every part, by name."""
    request: Any = SimpleNamespace(headers=headers, stream=Pieces(body, size))
    form = await read_form(request, LIMITS)
    try:
        return sorted([await part(name, value) for name, values in form.values.items() for value in values])
    finally:
        form.close()


async def part(name: str, value: Any) -> tuple[str, str | None, str | None, bytes]:
    if isinstance(value, UploadFile):
        return name, value.filename, value.content_type, await value.read()
    return name, None, None, value.encode()


def wanted(expected: Any) -> list[tuple[str, str | None, str | None, Any]]:
    """The same of what the case expects; a content that is too long is there as its SHA-256."""
    return sorted(
        (each["name"], each.get("filename_star") or each["filename"], each["content_type"], content(each))
        for each in expected["parts"]
    )


def content(each: dict[str, Any]) -> Any:
    if "body_base64" in each:
        return base64.b64decode(each["body_base64"])
    return each["body_text"].encode() if "body_text" in each else each["body_sha256"]


@pytest.mark.parametrize("size", [WHOLE, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
async def test_each_case_is_as_expected_or_a_deviation_with_its_reason(folder: Path, size: int) -> None:
    """What is invalid is a 400, never an empty or partial form."""
    expected, headers, body = load(folder)
    outcome = await verdict(expected, headers, body, size)
    assert ("deviates" if folder.name in DEVIATIONS else "") == (outcome and "deviates"), outcome


async def verdict(expected: Any, headers: dict[str, str], body: bytes, size: int) -> str:
    """What is otherwise than expected; empty when nothing is."""
    try:
        found = await read(headers, body, size)
    except Problem as problem:
        return f"refused with {problem.status}: {problem.detail}" if expected["valid"] else ""
    if not expected["valid"]:
        return f"accepted: {found}"
    target = wanted(expected)
    as_sent = [
        (name, filename, kind, hashlib.sha256(data).hexdigest() if isinstance(want[3], str) else data)
        for (name, filename, kind, data), want in zip(found, target, strict=False)
    ]
    return "" if as_sent == target else f"{as_sent} is not {target}"


def test_every_case_is_there() -> None:
    """And every deviation is of a case."""
    assert len(CASES) >= 58
    assert set(DEVIATIONS) <= {folder.name for folder in CASES}
