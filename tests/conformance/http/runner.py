"""Runs a case against a server and says what is to be thought of the answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Any

from tests.conformance.http.answer import Answer, MalformedAnswer, read_answer
from tests.conformance.http.case import Accepted, Case
from tests.conformance.http.notation import to_text
from tests.conformance.http.wire import Way, Wire, connect

__all__ = ["Outcome", "Verdict", "after", "run", "ways"]

# What a server says to a request that it does not take; another 4xx comes from an app that got it.
REFUSALS = frozenset({400, 408, 411, 413, 414, 417, 421, 426, 431, 501, 505})
NUMBERS = count()


class Verdict(Enum):
    """What is to be thought of the answers to a case."""

    OK = "ok"
    OTHER_STATUS = "refused with another status"
    NO_PROBLEM = "refused without a problem document"
    ACCEPTED_WRONGLY = "accepted wrongly"
    REJECTED_WRONGLY = "rejected wrongly"
    MISREAD = "the app saw something else"
    EXTRA_ANSWER = "extra answer"
    LEFT_OPEN = "left open"
    CLOSED_EARLY = "closed too early"
    SERVER_ERROR = "5xx"
    SILENT_CLOSE = "silent close"
    NO_ANSWER = "no answer"
    MALFORMED = "malformed answer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, and why."""

    verdict: Verdict
    detail: str = ""


class Wrong(Exception):
    """Ends a run that has gone wrong."""

    def __init__(self, verdict: Verdict, detail: str = "") -> None:
        self.outcome = Outcome(verdict, detail)


def ways(case: Case) -> tuple[Way, ...]:
    """How the case is sent; after a refusal another request follows, which nobody may look at."""
    followed = (Way.FOLLOWED,) if case.reject and not (case.ends or case.may_stay) else ()
    return (Way.WHOLE, Way.BYTES, Way.SPLIT, *followed)


def after() -> tuple[str, bytes]:
    """The path, unique in this process, and the bytes of a request that shows where the server's reading stands."""
    path = f"/after/{next(NUMBERS)}"
    return path, f"GET {path} HTTP/1.1\r\nHost: after.example\r\nConnection: close\r\n\r\n".encode()


async def run(port: int, case: Case, way: Way, *, timeout_s: float, problems: bool = True) -> Outcome:
    """Run ``case`` on a connection of its own.

    Args:
        port: The server's, on 127.0.0.1.
        case: The case.
        way: How its bytes are sent.
        timeout_s: How long each answer may take, in seconds.
        problems: Whether a refusal has to be a problem document.
    """
    path, next_request = after()
    async with connect(port) as wire:
        sending = asyncio.create_task(_send(wire, case, way, next_request))
        check_of = _Check(wire, case, timeout_s, problems)
        try:
            await check_of.answers()
            if check_of.goes_on:
                await sending
                await wire.send(next_request)
                await check_of.next_answer(path)
        except Wrong as wrong:
            return wrong.outcome
        finally:
            sending.cancel()
            await asyncio.wait([sending])
    return Outcome(Verdict.OK)


async def _send(wire: Wire, case: Case, way: Way, next_request: bytes) -> None:
    await wire.send(case.send + next_request if way is Way.FOLLOWED else case.send, way)
    if case.ends:
        wire.end()


class _Check:
    """Reads a case's answers, and raises Wrong at the first that is not as it should be."""

    def __init__(self, wire: Wire, case: Case, timeout_s: float, problems: bool) -> None:
        self._wire = wire
        self._case = case
        self._timeout_s = timeout_s
        self._problems = problems
        self.goes_on = True

    async def answers(self) -> None:
        """Those to the case's own requests, and the end of the connection if it has to end there."""
        case = self._case
        for expected in case.accept:
            answer = await self._answer(expected.method)
            if answer is None:
                raise Wrong(Verdict.SILENT_CLOSE)
            check(answer, expected)
            self.goes_on = answer.status != 101
        if case.reject and await self._refusal():
            return
        if case.reject or case.closes or case.ends or case.silence:
            self.goes_on = False
            await self._end()

    async def next_answer(self, path: str) -> None:
        """The connection is where it should be: the next request is answered, as itself, and then it is closed."""
        answer = await self._answer("GET")
        if answer is None:
            if self._case.may_stay:
                return
            raise Wrong(Verdict.CLOSED_EARLY)
        if answer.status != 200 or (answer.json() or {}).get("path") != path:
            raise Wrong(Verdict.EXTRA_ANSWER, f"{answer.status} {to_text(answer.body)}")
        await self._end()

    async def _refusal(self) -> bool:
        """Read the refusal; whether the connection goes on after it."""
        case = self._case
        answer = await self._answer("GET")
        if answer is None:
            if case.silence:
                return False
            raise Wrong(Verdict.SILENT_CLOSE)
        if answer.status in case.reject:
            if self._problems and not answer.is_problem:
                raise Wrong(Verdict.NO_PROBLEM, f"{answer.fields} {to_text(answer.body)}")
        elif answer.status >= 500 and answer.status not in REFUSALS:
            raise Wrong(Verdict.SERVER_ERROR, str(answer.status))
        elif answer.status in REFUSALS:
            raise Wrong(Verdict.OTHER_STATUS, f"{answer.status}, not {case.reject}")
        else:
            raise Wrong(Verdict.ACCEPTED_WRONGLY, f"{answer.status} {to_text(answer.body)}")
        return case.may_stay and answer.fields.get("connection", "").lower() != "close"

    async def _end(self) -> None:
        try:
            answer = await self._answer("GET")
        except Wrong as wrong:
            if wrong.outcome.verdict is Verdict.NO_ANSWER:
                raise Wrong(Verdict.LEFT_OPEN) from None
            raise
        if answer is not None:
            raise Wrong(Verdict.EXTRA_ANSWER, f"{answer.status} {to_text(answer.body)}")

    async def _answer(self, method: str) -> Answer | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await read_answer(self._wire.stream, method)
        except TimeoutError:
            raise Wrong(Verdict.NO_ANSWER) from None
        except MalformedAnswer as error:
            raise Wrong(Verdict.MALFORMED, str(error)) from None


def check(answer: Answer, expected: Accepted) -> None:
    """That the app has got what was meant, and that the answer says so.

    Raises:
        Wrong: It has not.
    """
    if answer.status not in expected.status:
        rejected = Verdict.SERVER_ERROR if answer.status >= 500 else Verdict.REJECTED_WRONGLY
        raise Wrong(rejected, f"{answer.status} {to_text(answer.body)}")
    if expected.interim is not None and not set(answer.interim) <= set(expected.interim):
        raise Wrong(Verdict.EXTRA_ANSWER, f"interim {answer.interim}")
    for name, value in expected.answer.items():
        if answer.fields.get(name) != value:
            raise Wrong(Verdict.MALFORMED, f"{name}: {answer.fields.get(name)!r}, not {value!r}")
    if answer.status == 200 and expected.method != "HEAD":
        seen = answer.json()
        if not isinstance(seen, dict):
            raise Wrong(Verdict.MALFORMED, f"not the app's answer: {to_text(answer.body)}")
        for name, value in wanted(expected).items():
            if seen[name] != value:
                raise Wrong(Verdict.MISREAD, f"{name} {seen[name]!r}, not {value!r}")


def wanted(expected: Accepted) -> dict[str, Any]:
    """What the echo app's answer has to say, as far as the case says it."""
    members = {name: getattr(expected, name) for name in ("method", "path", "query", "body")}
    if expected.headers is not None:
        members["headers"] = dict(expected.headers)
    if expected.host is not None:
        members["host"] = expected.host
    return members
