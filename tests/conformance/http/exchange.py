"""A whole conversation at once: everything is sent, then everything that came back is read."""

from __future__ import annotations

import asyncio
import json

from tests.conformance.http.answer import Answer, read_answer
from tests.conformance.http.wire import Way, connect

__all__ = ["exchange", "reached"]

TIMEOUT_S = 20.0


async def exchange(port: int, data: bytes, way: Way = Way.WHOLE) -> list[Answer]:
    """Send ``data``, half-close, and read all answers; none of them may be to a HEAD.

    Raises:
        MalformedAnswer: What came back is not a sequence of answers.
        TimeoutError: The server neither answered nor closed within 20 s.
    """
    answers: list[Answer] = []
    async with asyncio.timeout(TIMEOUT_S), connect(port) as wire:
        await wire.send(data, way)
        wire.end()
        while (answer := await read_answer(wire.stream, "GET")) is not None:
            answers.append(answer)
            if answer.status == 101:
                break
    return answers


async def reached(port: int) -> list[str]:
    """The paths below ``/after/`` that the app was called for since this was asked last."""
    (answer,) = await exchange(port, b"GET /reached HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    paths: list[str] = json.loads(answer.body)
    return paths
