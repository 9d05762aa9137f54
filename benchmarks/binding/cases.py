"""The three requests that are timed, and those that show that the servers do the same work."""

from __future__ import annotations

import json
from dataclasses import dataclass

from benchmarks.load import Answer

__all__ = ["CASES", "REFUSED", "Case", "Refused", "agree"]

ORDER = {
    "reference": "2026-000417",
    "customer": {"name": "Ada Lovelace", "email": "ada@example.org"},
    "lines": [
        {"sku": "BOOK-0042", "quantity": 2, "unit_cents": 1995},
        {"sku": "PEN-0007", "quantity": 10, "unit_cents": 149},
    ],
    "currency": "EUR",
    "created_at": "2026-11-23T17:00:00Z",
    "priority": 3,
    "discount": 0.125,
    "gift": False,
    "note": None,
    "tags": ["new", "web"],
}


def request(method: str, target: str, body: bytes = b"", media_type: str = "application/json") -> bytes:
    """A request with the headers that a plain client sends."""
    head = [f"{method} {target} HTTP/1.1", "Host: localhost", "User-Agent: velox-bench/1", "Accept: */*"]
    if method == "POST":
        head += [f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Case:
    """A request that is timed."""

    name: str
    request: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that has to be refused."""

    name: str
    request: bytes
    status: int
    by_fastapi: bool
    """Whether FastAPI refuses it with the same status too."""


def order(**changes: object) -> bytes:
    return json.dumps({**ORDER, **changes}).encode()


CASES = (
    Case("POST nested body", request("POST", "/orders", order()), 201),
    Case("typed GET", request("GET", "/items/42?q=blue-shoes&limit=50&active=true"), 200),
    Case("list of 100", request("GET", "/rows"), 200),
)

REFUSED = (
    Refused("a field out of range", request("POST", "/orders", order(priority=10)), 422, by_fastapi=True),
    Refused(
        "a missing field", request("POST", "/orders", json.dumps({"reference": "abc"}).encode()), 422, by_fastapi=True
    ),
    Refused("a number as text", request("POST", "/orders", order(priority="3")), 422, by_fastapi=False),
    Refused("NaN", request("POST", "/orders", order().replace(b"0.125", b"NaN")), 400, by_fastapi=False),
    Refused("a repeated name", request("POST", "/orders", b'{"gift": true, ' + order()[1:]), 400, by_fastapi=False),
    Refused("trailing text", request("POST", "/orders", order() + b"}"), 400, by_fastapi=False),
    Refused("another media type", request("POST", "/orders", order(), "text/plain"), 415, by_fastapi=False),
    Refused("a path value that is no number", request("GET", "/items/x?q=a"), 422, by_fastapi=True),
    Refused("a query value out of range", request("GET", "/items/1?q=a&limit=101"), 422, by_fastapi=True),
    Refused("a missing query value", request("GET", "/items/1?limit=5"), 422, by_fastapi=True),
    Refused("a repeated query value", request("GET", "/items/1?q=a&q=b"), 422, by_fastapi=False),
)


def agree(answers: dict[str, Answer], status: int) -> str | None:
    """``None`` when all answers say the same, else what differs."""
    wrong = {name: answer.status for name, answer in answers.items() if answer.status != status}
    if wrong:
        return f"expected {status}, got {wrong}"
    kinds = {name: answer.headers.get("content-type", "").partition(";")[0] for name, answer in answers.items()}
    if len(set(kinds.values())) > 1:
        return f"different media types: {kinds}"
    bodies = [json.loads(answer.body) for answer in answers.values()]
    return None if all(body == bodies[0] for body in bodies) else f"different bodies: {bodies}"
