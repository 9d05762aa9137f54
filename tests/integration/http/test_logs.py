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
