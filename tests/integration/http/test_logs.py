"""What production writes to its log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.chaos.running import MAIN, Running
from benchmarks.load import exchange

Start = Callable[..., Running]


@pytest.mark.parametrize("protocol", ["velox", "sanic"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_handlers_record_has_the_requests_id(project: Path, start: Start, workers: int, protocol: str) -> None:
    """Every line is JSON, and what a handler logs can be found by the id that the client sent."""
    (project / "main.py").write_text(
        MAIN.read_text()
        .replace("import os\n", "import logging\nimport os\n")
        .replace(
            "        return os.getpid()",
            '        logging.getLogger("shop").info("sold", extra={"order": 7})\n        return 1',
        )
    )
    server = start("--workers", str(workers), environment={"VELOX_HTTP_PROTOCOL": protocol})
    server.until_ready()
    with server.connect() as connection:
        request = b"GET /pid HTTP/1.1\r\nHost: chaos\r\nX-Request-ID: 5f1c7a52-0c1e-4a57-9a5e-0d2f4f1f2b11\r\n\r\n"
        assert exchange(connection, request).status == 200
    assert server.stop() == 0
    records = [json.loads(line) for line in server.output.splitlines()]
    (sold,) = (record for record in records if record["message"] == "sold")
    assert sold["request_id"] == "5f1c7a52-0c1e-4a57-9a5e-0d2f4f1f2b11"
    assert (sold["logger"], sold["level"], sold["order"]) == ("shop", "info", 7)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_line_of_the_access_log_is_lost_when_the_server_stops(project: Path, start: Start, workers: int) -> None:
    """Lines wait for others, but not for a stop; each has the id that its answer has."""
    environment = {"VELOX_ACCESS_LOG": "true", "VELOX_REQUEST_ID_HEADER": "true"}
    server = start("--workers", str(workers), environment=environment)
    server.until_ready()
    with server.connect() as connection:
        answers = [exchange(connection, b"GET /pid?q HTTP/1.1\r\nHost: chaos\r\n\r\n") for _ in range(50)]
    assert server.stop() == 0
    records = [json.loads(line) for line in server.output.splitlines()]
    seen = {record["request_id"]: record for record in records if record["message"].endswith("/pid?q")}
    assert set(seen) == {answer.headers["x-request-id"] for answer in answers}
    assert len(seen) == 50
    assert {record["status"] for record in seen.values()} == {200}
    assert all(record["duration_ms"] > 0 and record["bytes"] > 0 for record in seen.values())
