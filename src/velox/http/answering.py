"""From a request to its answer, where more than one call is needed: Sanic's way, and the ways of errors."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any, Protocol

from sanic.exceptions import BadRequest, ServerError, ServiceUnavailable
from sanic.http.constants import Stage
from sanic.log import error_logger
from sanic.response import BaseHTTPResponse, ResponseStream

from velox.http.routes import Match
from velox.http.service import Service
from velox.http.stream import WireStream

__all__ = ["answer_endpoint", "answer_error", "answer_result", "answer_through_sanic"]


class Exchange(Protocol):
    """What of a connection matters here."""

    app: Any
    service: Service
    stream: WireStream
    websocket: Any
    keep_alive: bool
    timed_out: Any
    is_leaving: bool

    @property
    def is_lost(self) -> bool: ...


async def answer_through_sanic(protocol: Exchange, request: Any) -> None:
    """Any handler, with all of Sanic's middleware and signals."""
    app, service, stream = protocol.app, protocol.service, protocol.stream
    try:
        if service.wants("http.lifecycle.read_head"):
            await read_head(protocol, request)
        if service.wants("http.lifecycle.request"):
            await app.dispatch("http.lifecycle.request", inline=True, context={"request": request})
        await app.handle_request(request)
        if stream.stage is Stage.HANDLER and protocol.websocket is None:
            raise ServerError("Handler produced no response")
    except (Exception, CancelledError) as error:  # noqa: BLE001 - every error is an answer
        await answer_error(protocol, request, error)


async def read_head(protocol: Exchange, request: Any) -> None:
    """Sanic's promise: whatever a listener to this signal raises is a 400."""
    try:
        await protocol.app.dispatch("http.lifecycle.read_head", inline=True, context={"head": request.head})
    except Exception:  # noqa: BLE001
        protocol.keep_alive = False
        raise BadRequest("Bad Request") from None


async def answer_endpoint(request: Any, match: Match, values: dict[str, Any]) -> Any:
    """An endpoint called straight, after a body that was not complete with its head."""
    await request.receive_body()
    return await match.handler(request, **values)


async def answer_result(protocol: Exchange, request: Any, result: Any) -> None:
    """What an endpoint returned when it is not just one whole response."""
    try:
        response = protocol.stream.response if request.responded else await request.respond(result)
        if isinstance(response, ResponseStream):
            await response(request)
            await response.eof()
        elif isinstance(response, BaseHTTPResponse):
            await response.send(end_stream=True)
        else:
            raise ServerError(f"Invalid response type {response!r} (need HTTPResponse)")
    except (Exception, CancelledError) as error:  # noqa: BLE001
        await answer_error(protocol, request, error)


async def answer_error(
    protocol: Exchange, request: Any, error: BaseException, *, runs_middleware: bool = False
) -> None:
    """The app's answer to ``error``; nothing for a client that has gone.

    Args:
        runs_middleware: Whether request middleware is still to run: Sanic lets it see a request whose body failed.
    """
    if isinstance(error, CancelledError):
        if protocol.is_lost:
            return
        protocol.keep_alive = False
        if protocol.is_leaving:
            await protocol.stream.send(b"", end_stream=True)
            return
        error = protocol.timed_out or ServiceUnavailable("The request was cancelled")
    handle = protocol.app.handle_exception
    try:
        await handle(request, error, runs_middleware)
    except Exception as second:  # noqa: BLE001 - from the app's own handlers; Sanic's default may still answer
        try:
            await handle(request, second, False)
        except Exception:  # noqa: BLE001 - the protocol answers by itself
            error_logger.exception("The answer to an error failed")
