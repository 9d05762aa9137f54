"""The access log of production, without a server."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest

from velox.cli.access import FULL_CHARACTERS, AccessRecords, BatchHandler


class Stream(io.StringIO):
    """Counts what would be system calls."""

    writes = 0

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def flush(self) -> None:
        self.writes += 1
        self.written.set()


def record(path: str = "/a") -> logging.LogRecord:
    fields = {"request": f"GET {path}", "status": 200, "byte": 2, "duration_ms": 0.4, "request_id": "1", "host": "b:1"}
    return logging.makeLogRecord({"name": "sanic.access", "levelname": "INFO", "created": 0.0, "process": 7, **fields})


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def handler(stream: Stream) -> BatchHandler:
    made = BatchHandler(stream)
    made.setFormatter(AccessRecords())
    return made


def test_a_line_is_json_and_says_what_was_answered() -> None:
    """Every field by its name."""
    assert json.loads(AccessRecords().format(record())) == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "logger": "sanic.access",
        "message": "GET /a",
        "pid": 7,
        "request_id": "1",
        "status": 200,
        "bytes": 2,
        "duration_ms": 0.4,
        "client": "b:1",
    }


def test_lines_of_a_loop_are_written_together(handler: BatchHandler, stream: Stream) -> None:
    """In order, in one write, by themselves."""

    async def serve() -> None:
        for number in range(100):
            handler.emit(record(f"/{number}"))
        assert stream.writes == 0
        await stream.written.wait()

    asyncio.run(asyncio.wait_for(serve(), 10))
    assert stream.writes == 1
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
        f"GET /{number}" for number in range(100)
    ]


def test_what_waits_has_a_bound(handler: BatchHandler, stream: Stream) -> None:
    """However many come at once."""

    async def serve() -> None:
        handler.emit(record("/" + "a" * FULL_CHARACTERS))

    asyncio.run(serve())
    assert stream.writes == 1


def test_without_a_loop_a_line_is_written_at_once(handler: BatchHandler, stream: Stream) -> None:
    """Nothing would write it later."""
    handler.emit(record())
    assert stream.writes == 1


def test_what_waits_is_written_at_the_end(handler: BatchHandler, stream: Stream) -> None:
    """Also when the loop that would have done it is gone."""

    async def serve() -> None:
        handler.emit(record())

    asyncio.run(serve())
    assert stream.getvalue() == ""
    handler.flush()
    handler.flush()
    assert len(stream.getvalue().splitlines()) == stream.writes == 1
