"""Where log records go under ``velox run``: readable lines on stderr, in production JSON on stdout."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from velox.cli.console import style
from velox.settings import Settings

__all__ = ["JsonRecords", "Lines", "current_request_id", "rfc_3339", "set_up_logging"]

_COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
# What every record has; the rest was given by whoever logs, as ``extra``.
_OWN = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "line"))


class Lines(logging.Formatter):
    """``17:22:01 info created table link``, and for a request ``17:22:01 GET http://127.0.0.1:8000/ 200 0.4ms``."""

    default_time_format = "%H:%M:%S"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(line)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        fields = record.__dict__
        if record.name == "sanic.access":  # Sanic's access records have no message but these fields
            record.line = f"{fields.get('request')} {fields.get('status')} {fields.get('duration', '')}".rstrip()
        else:
            level = record.levelname.lower()
            colour = _COLOURS.get(record.levelname)
            record.line = f"{style(level, colour, stderr=True) if colour else level} {record.getMessage()}"
        return super().format(record)


class JsonRecords(logging.Formatter):
    """One JSON object a line: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, ``pid``, then the
    ``request_id`` of the request being answered, ``exception`` with its traceback, and what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": rfc_3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        request_id = current_request_id()
        if request_id is not None:
            fields["request_id"] = request_id
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        fields.update((name, value) for name, value in vars(record).items() if name not in _OWN and name not in fields)
        return json.dumps(fields, default=str, ensure_ascii=False)


def rfc_3339(created_s: float) -> str:
    """A record's time in UTC, with milliseconds."""
    return datetime.fromtimestamp(created_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def current_request_id() -> str | None:
    """The id of the request that this context answers."""
    from sanic import Request

    request: Request | None = Request._current.get(None)
    return str(request.id) if request is not None else None


def set_up_logging(settings: Settings) -> None:
    """Send records of ``settings.log_level`` and above where they belong, without Sanic's own about start and stop."""
    handler = logging.StreamHandler(sys.stdout if settings.production else sys.stderr)
    handler.setFormatter(JsonRecords() if settings.production else Lines())
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, Lines | JsonRecords)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = settings.log_level.upper()
    root.setLevel(level)
    logging.getLogger("velox").setLevel(level)
    # The pool class is ours by name, but it is SQLAlchemy that tells of each pool that is closed. Alembic tells of all.
    for name in ("sanic.root", "sanic.server", "velox.db.pool", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
