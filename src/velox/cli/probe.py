"""``/health/ready``, and ``/metrics``, of a process that serves nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from velox.app.metering import is_near_address
from velox.errors import ConfigurationError
from velox.http.meter import CONTENT_TYPE
from velox.tasks.crew import Crew
from velox.tasks.figures import exposition

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["probe"]

REQUEST_S = 5.0
"""How long a probe may take to say what it wants."""


@asynccontextmanager
async def probe(app: Velox, crew: Crew, port: int) -> AsyncIterator[int]:
    """Answer ``GET /health/ready``, ``/health/live``, and ``/metrics`` if the app has them, on all addresses.

    Yields:
        The port.

    Raises:
        ConfigurationError: VX102, the port is in use.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode("ascii", "replace")
                is_near = is_near_address(str(writer.get_extra_info("peername")[0]))
                if path == "/metrics" and app.settings.metrics and is_near:
                    writer.write(whole("200 OK", CONTENT_TYPE, await exposition(app.jobs, [app.jobs.counters.cells])))
                else:
                    writer.write(await response(app, crew, path))
                await writer.drain()
        except (TimeoutError, OSError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was, it was no probe
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(answer, None, port)
    except OSError as error:
        raise ConfigurationError(
            "VX102", f"port {port} cannot be used for --health-port: {error.strerror}", hint="Choose another one."
        ) from error
    async with server:
        yield server.sockets[0].getsockname()[1]


async def response(app: Velox, crew: Crew, path: str) -> bytes:
    reasons: dict[str, str] = {}
    if path == "/health/ready":
        reasons = await app.readiness()
        if (reason := await crew.ready()) is not None:
            reasons["worker"] = reason
        status = "503 Service Unavailable" if reasons else "200 OK"
    else:
        status = "200 OK" if path == "/health/live" else "404 Not Found"
    body = json.dumps({"status": "ok" if status == "200 OK" else "unavailable", "reasons": reasons})
    return whole(status, "application/json", body)


def whole(status: str, content_type: str, text: str) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n".encode() + body
