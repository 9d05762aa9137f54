"""A case: what is sent, and what has to come back. The cases are the TOML files in ``cases/``, one a subject."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.conformance.http.notation import to_bytes

__all__ = ["SUBJECTS", "Accepted", "Case", "cases", "load"]

HERE = Path(__file__).parent / "cases"
SUBJECTS = tuple(sorted(path.stem for path in HERE.glob("*.toml")))
EACH = "{each}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """One request that the app has to get, and its answer.

    Attributes:
        method, path, query, body: What the app saw. ``path`` and ``query`` are as sent, without decoding.
        headers: All fields but ``Host``: lower-case name → value, the values of a repeated one joined with ``", "``.
            None: not compared.
        host: What the app takes for the host; None: not compared.
        status: What the answer may be. Without 200 in it, the app's own answer is not looked at.
        answer: Fields that the answer has to have, by lower-case name.
        interim: Statuses of the interim answers (1xx) that come before it; None: any.
    """

    method: str = "GET"
    path: str = "/"
    query: str = ""
    body: str = ""
    headers: Mapping[str, str] | None = None
    host: str | None = None
    status: tuple[int, ...] = (200,)
    answer: Mapping[str, str] = field(default_factory=dict)
    interim: tuple[int, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        id: ``subject/name``, or ``subject/name/variant``.
        rfc: The section that decides.
        why: What that section says, in our words.
        send: The bytes.
        accept: The requests that have to reach the app, in order; each gets one answer, and nobody else does.
        reject: The statuses of the refusal which comes after them and closes the connection; empty: there is none.
        choice: The RFC allows another answer too; this is the one that Velox gives.
        closes: Whether the connection is closed after the last answer.
        ends: The client half-closes after the last byte.
        may_stay: The refused request could be read, so the connection may also go on after the refusal.
        silence: Instead of the refusal the server may also close without a word: nobody is there to read it.
    """

    id: str
    rfc: str
    why: str
    send: bytes
    accept: tuple[Accepted, ...] = ()
    reject: tuple[int, ...] = ()
    choice: bool = False
    closes: bool = False
    ends: bool = False
    may_stay: bool = False
    silence: bool = False

    @property
    def subject(self) -> str:
        """The file that it is from."""
        return self.id.partition("/")[0]


@cache
def cases() -> tuple[Case, ...]:
    """All cases, by subject."""
    return tuple(case for subject in SUBJECTS for case in load(HERE / f"{subject}.toml"))


def load(path: Path) -> Iterator[Case]:
    """The cases of one file. A case with a table ``each`` is one case for each of its values.

    Raises:
        ValueError: A case expects nothing, or its identifier is not made of words.
    """
    for raw in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
        variants: dict[str, str] = raw.pop("each", {})
        name = f"{path.stem}/{raw.pop('id')}"
        if not variants:
            yield _case(name, raw, "")
        for variant, text in variants.items():
            yield _case(f"{name}/{variant}", raw, text)


def _case(name: str, raw: Mapping[str, Any], each: str) -> Case:
    given = dict(raw)
    if not re.fullmatch(r"[a-z0-9]+(?:[/.-][a-z0-9]+)+", name):
        raise ValueError(f"{name!r} is no identifier")
    accept = tuple(
        request for item in given.pop("accept", ()) for request in [_accepted(item, each)] * item.get("times", 1)
    )
    case = Case(
        id=name,
        send=to_bytes(given.pop("send").replace(EACH, each)),
        accept=accept,
        reject=tuple(given.pop("reject", ())),
        **given,
    )
    if not (case.accept or case.reject or case.silence):
        raise ValueError(f"{name} expects nothing")
    return case


def _accepted(raw: Mapping[str, Any], each: str) -> Accepted:
    given = {name: value for name, value in raw.items() if name != "times"}
    for name in ("method", "path", "query", "body", "host"):
        if name in given:
            given[name] = to_bytes(given[name].replace(EACH, each)).decode("latin-1")
    if "headers" in given:
        given["headers"] = {name: _text(value, each) for name, value in given["headers"].items()}
    if "status" in given:
        given["status"] = tuple(given["status"])
    if "interim" in given:
        given["interim"] = tuple(given["interim"])
    return Accepted(**given)


def _text(value: str, each: str) -> str:
    return to_bytes(value.replace(EACH, each)).decode("latin-1")
