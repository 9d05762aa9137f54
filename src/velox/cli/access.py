"""Where the access log goes under ``velox run``."""

from __future__ import annotations

from typing import TextIO

from sanic.log import access_logger

from velox.http.accesses import Accesses

__all__ = ["flush_access_log", "log_access_to"]


def log_access_to(stream: TextIO | None) -> None:
    """Write lines of JSON to ``stream``, many at once; ``None``: records go where all others go."""
    for old in [old for old in access_logger.handlers if isinstance(old, Accesses)]:
        old.flush()
        access_logger.removeHandler(old)
    access_logger.propagate = stream is None
    if stream is not None:
        access_logger.addHandler(Accesses(stream))


def flush_access_log() -> None:
    """Write what waits; a process that is about to end, or to become another, has no loop that would."""
    for handler in access_logger.handlers:
        handler.flush()
