"""The access log of production, without a server."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from time import perf_counter, time

import pytest
from sanic import HTTPResponse
from sanic.log import access_logger

from velox.http.accesses import FULL_LINES, Accesses, direct_log


class Stream(io.StringIO):
    """Counts what would be system calls."""

    writes = 0

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def flush(self) -> None:
        self.writes += 1
        self.written.set()


class Peer:
    client_ip, client_port = "192.0.2.1", 5


class Asked:
    """What of a request the log looks at."""

    conn_info, client_ip, method = Peer, "198.51.100.7", "GET"

    def __init__(self, target: str = "/a") -> None:
        self.raw_url = target.encode()
        self.headers = {"x-request-id": "1"}


ANSWER = HTTPResponse("ok")


def record(path: str = "/a") -> logging.LogRecord:
    """As Sanic's own protocol makes it."""
    fields = {"request": f"GET {path}", "status": 200, "byte": 2, "host": "b:1"}
    return logging.makeLogRecord({"name": "sanic.access", "levelname": "INFO", "created": 12.5, **fields})


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def log(stream: Stream) -> Accesses:
    return Accesses(stream)


@pytest.fixture
def note(log: Accesses) -> Callable[..., None]:
    """Notes a request for a target."""
    noting = log.noting(behind_proxies=False)
    return lambda target="/a": noting(Asked(target), ANSWER, 1.0, 1.0004)


def test_a_line_is_json_and_says_what_was_answered(note: Callable[..., None], stream: Stream) -> None:
    """Every field by its name, whatever the client writes."""
    note('/a?"\\')
    line = json.loads(stream.getvalue())
    told_s = datetime.fromisoformat(line.pop("time")).timestamp()
    assert abs(told_s - (time() - perf_counter() + 1.0004)) < 1
    assert line == {
        "level": "info",
        "logger": "sanic.access",
        "message": 'GET /a?"\\',
        "pid": os.getpid(),
        "request_id": "1",
        "status": 200,
        "bytes": 2,
        "duration_ms": 0.4,
        "client": "192.0.2.1:5",
    }


def test_a_record_of_sanics_becomes_such_a_line(log: Accesses, stream: Stream) -> None:
    """With its own time; how long it took, it does not say."""
    log.emit(record())
    line = json.loads(stream.getvalue())
    assert line.items() >= {"message": "GET /a", "status": 200, "bytes": 2, "client": "b:1"}.items()
    assert line["time"].startswith("1970-01-01T00:00:12.")
    assert line["duration_ms"] is None


def test_a_proxy_may_say_who_the_client_is(log: Accesses, stream: Stream) -> None:
    """If there is one that is believed."""
    log.noting(behind_proxies=True)(Asked(), ANSWER, 1.0, 2.0)
    assert json.loads(stream.getvalue())["client"] == "198.51.100.7:5"


def test_nobody_elses_records_are_saved(log: Accesses, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds a handler or a filter, or sets a level, gets the records that logging promises."""
    # Here, for pytest has handlers of its own on loggers that do not propagate when a test begins.
    monkeypatch.setattr(access_logger, "handlers", [log])
    monkeypatch.setattr(access_logger, "propagate", False)
    level = access_logger.level
    try:
        access_logger.setLevel(logging.INFO)
        assert direct_log(behind_proxies=False) is not None
        access_logger.setLevel(logging.WARNING)
        assert direct_log(behind_proxies=False) is None
    finally:
        access_logger.setLevel(level)
    monkeypatch.setattr(access_logger, "isEnabledFor", lambda _: True)
    assert direct_log(behind_proxies=False) is not None
    monkeypatch.setattr(access_logger, "handlers", [log, logging.NullHandler()])
    assert direct_log(behind_proxies=False) is None
    monkeypatch.setattr(access_logger, "handlers", [log])
    monkeypatch.setattr(access_logger, "filters", [*access_logger.filters, logging.Filter()])
    assert direct_log(behind_proxies=False) is None


def test_lines_of_a_loop_are_written_together(note: Callable[..., None], stream: Stream) -> None:
    """In order, in one write, by themselves."""

    async def serve() -> None:
        for number in range(100):
            note(f"/{number}")
        assert stream.writes == 0
        await stream.written.wait()

    asyncio.run(asyncio.wait_for(serve(), 10))
    assert stream.writes == 1
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
        f"GET /{number}" for number in range(100)
    ]


def test_what_waits_has_a_bound(note: Callable[..., None], stream: Stream) -> None:
    """However many come at once."""

    async def serve() -> None:
        for _ in range(FULL_LINES):
            note()

    asyncio.run(serve())
    assert stream.writes == 1


def test_without_a_loop_a_line_is_written_at_once(note: Callable[..., None], stream: Stream) -> None:
    """Nothing would write it later."""
    note()
    assert stream.writes == 1


def test_what_waits_is_written_at_the_end(log: Accesses, note: Callable[..., None], stream: Stream) -> None:
    """Also when the loop that would have done it is gone."""

    async def serve() -> None:
        note()

    asyncio.run(serve())
    assert stream.getvalue() == ""
    log.flush()
    log.flush()
    assert len(stream.getvalue().splitlines()) == stream.writes == 1
