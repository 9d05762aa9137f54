"""The access log of production: a line of JSON for each request, and one write for many lines."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, TextIO

import msgspec

from velox.cli.logs import current_request_id, rfc_3339

__all__ = ["AccessRecords", "BatchHandler", "flush_access_log", "log_access_to"]

LATEST_S = 0.1
"""How long a line waits for others, in seconds."""
FULL_CHARACTERS = 2**16
"""So many are written at once; with :data:`LATEST_S`, the most that a killed process takes with it."""
ACCESS = logging.getLogger("sanic.access")


class AccessRecords(logging.Formatter):
    """One JSON object a line: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message`` (method and target),
    ``pid``, ``request_id``, ``status``, ``bytes`` (of the body; null when it was streamed), ``duration_ms``,
    ``client``."""

    def format(self, record: logging.LogRecord) -> str:
        given = vars(record)
        length = given.get("byte")
        fields: dict[str, Any] = {
            "time": rfc_3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": str(given.get("target") or given.get("request") or record.getMessage()),
            "pid": record.process,
            "request_id": given.get("request_id") or current_request_id(),
            "status": given.get("status"),
            "bytes": length if isinstance(length, int) else None,
            "duration_ms": given.get("duration_ms"),
            "client": given.get("host"),
        }
        return msgspec.json.encode(fields).decode()  # a seventh of json.dumps


class BatchHandler(logging.Handler):
    """Writes lines together, when they are many or the first has waited for 0.1 s: a write and its flush for each
    would be 5 µs a request, and would let every request wait for whoever reads the log.

    Where no loop runs there is nothing to wait with, and a line is written at once.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []
        self._characters = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of ``record``."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as all of logging's handlers do
            self.handleError(record)
            return
        self._lines.append(line)
        self._characters += len(line)
        if self._characters >= FULL_CHARACTERS:
            self.flush()
        elif len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_later(LATEST_S, self.flush)
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        """Write what is kept. Called by ``logging.shutdown()``, too."""
        self.acquire()
        try:
            lines, self._lines, self._characters = self._lines, [], 0
            if lines:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
        except Exception:  # noqa: BLE001 - said on stderr, as of any record that cannot be written
            self.handleError(logging.makeLogRecord({"name": ACCESS.name, "msg": "lines of the access log"}))
        finally:
            self.release()


def log_access_to(stream: TextIO | None) -> None:
    """Send access records to ``stream``; ``None``: where all others go."""
    for old in [old for old in ACCESS.handlers if isinstance(old, BatchHandler)]:
        old.flush()
        ACCESS.removeHandler(old)
    ACCESS.propagate = stream is None
    if stream is not None:
        handler = BatchHandler(stream)
        handler.setFormatter(AccessRecords())
        ACCESS.addHandler(handler)


def flush_access_log() -> None:
    """Write what waits; a process that is about to end, or to become another, has no loop that would."""
    for handler in ACCESS.handlers:
        handler.flush()
