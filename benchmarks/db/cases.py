"""What is timed: operations in one process, and requests to a server."""

from __future__ import annotations

import json
from dataclasses import dataclass

from benchmarks.binding.cases import request
from benchmarks.http.cases import Case

__all__ = ["GET", "INSERT", "OPERATIONS", "PAGE", "REQUESTS", "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that every contender in a process of its own can do.

    Attributes:
        name: As the table has it.
        method: The contender's method.
        count: How often a sample does it.
        tasks: How many tasks share that.
    """

    name: str
    method: str
    count: int
    tasks: int = 1


OPERATIONS = (
    Operation("row by key", "get", 400),
    Operation("row by key, 32 tasks", "get", 400, 32),
    Operation("20 rows", "list", 200),
    Operation("insert", "insert", 200),
    Operation("insert, 32 tasks", "insert", 640, 32),
)

NEW = {
    "name": "new", "city": "Springfield", "age": 42, "score": 1.5, "active": True,
    "created_at": "2026-01-01T12:00:00Z", "bio": "b" * 100,
}  # fmt: skip

GET = Case("row by key", request("GET", "/heroes/{number}"), numbers=10_000)
PAGE = Case("page of 20, counted", request("GET", "/heroes?limit=20&offset=40"))
INSERT = Case("insert", request("POST", "/heroes", json.dumps(NEW).encode()), 201)
REQUESTS = (GET, PAGE, INSERT)
"""In this order: the table grows only when nobody counts it any more."""
