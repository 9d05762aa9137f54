"""The access log, in the form that Sanic's own formatter reads."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from sanic.log import access_logger

from velox._request_id import request_id

__all__ = ["log_access"]


def log_access(request: Any, response: Any, started_s: float) -> None:
    """One record for an answered request.

    Args:
        started_s: When its head was complete, by :func:`time.perf_counter`.
    """
    chunked = response is not None and response.headers.get("transfer-encoding") == "chunked"
    body = getattr(response, "body", None) or b""
    duration_ms = 1000 * (perf_counter() - started_s)
    extra = {
        "status": getattr(response, "status", 0),
        "byte": "chunked" if chunked else len(body),
        "host": f"{request.client_ip}:{request.port}" if request.client_ip else "unix",
        "request": f"{request.method} {request.url}",
        "duration": f" {duration_ms:.1f}ms",
        # What Sanic's formatter has no word for.
        "duration_ms": round(duration_ms, 3),
        "request_id": request_id(request),
    }
    access_logger.info("", extra=extra)
