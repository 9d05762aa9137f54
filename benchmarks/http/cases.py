"""The five requests that are timed, and those that show that the servers do the same work."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.binding.cases import order, request
from benchmarks.http.wrk import NUMBERS

__all__ = ["CASES", "CHECKED", "JSON", "LIST", "PLAINTEXT", "POST", "TYPED", "Case"]

NUMBER = b"{number}"
"""Stands for a number that is another one in each request: a server that remembers paths must not gain by it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request that is timed.

    Attributes:
        name: As the table has it.
        pattern: The whole request, head and body; it may hold :data:`NUMBER` once.
        status: Of the answer.
        numbers: The highest number.
    """

    name: str
    pattern: bytes
    status: int = 200
    numbers: int = NUMBERS

    def request(self, number: int) -> bytes:
        """The request with ``number`` in its place."""
        return self.pattern.replace(NUMBER, b"%d" % number)

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """What stands before and after the number; the whole request when it has none."""
        return tuple(self.pattern.split(NUMBER))


PLAINTEXT = Case("plaintext", request("GET", "/plaintext"))
JSON = Case("JSON GET", request("GET", "/json"))
TYPED = Case("typed path+query GET", request("GET", "/items/{number}?q=blue-shoes&limit=50&active=true"))
POST = Case("validated nested POST", request("POST", "/orders", order()), 201)
LIST = Case("list of 100 objects", request("GET", "/rows"))

CASES = (PLAINTEXT, JSON, TYPED, POST, LIST)
CHECKED = (42, 7)
"""The numbers that answers are compared with."""
