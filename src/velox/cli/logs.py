"""Where log records go under ``velox run``: one readable line each, on stderr."""

from __future__ import annotations

import logging
import sys

from velox.cli.console import style
from velox.settings import Settings

__all__ = ["Lines", "set_up_logging"]

_COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


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


def set_up_logging(settings: Settings) -> None:
    """Send every record of ``settings.log_level`` and above to stderr, without Sanic's own about start and stop."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, Lines)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = settings.log_level.upper()
    root.setLevel(level)
    logging.getLogger("velox").setLevel(level)
    # The pool class is ours by name, but it is SQLAlchemy that tells of each pool that is closed.
    for name in ("sanic.root", "sanic.server", "velox.db.pool"):
        logging.getLogger(name).setLevel(logging.WARNING)
