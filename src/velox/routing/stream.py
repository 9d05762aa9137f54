"""Answers that are sent piece by piece: Server-Sent Events, JSON lines, bytes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, get_args, get_origin

from sanic import Request
from sanic.response import BaseHTTPResponse

from velox._request_id import request_id
from velox.errors import ConfigurationError
from velox.routing.layer import carried

T = TypeVar("T")
Send = Callable[[bytes], Awaitable[None]]

__all__ = ["EventStream", "JsonLines", "MediaType", "ServerSentEvent", "Stream", "send_stream", "stream_of"]

KEEP_ALIVE_S = 15.0
"""A comment is sent after this long without an event, so that proxies keep the connection (WHATWG HTML, section
9.2.7).
"""
PLAIN = (AsyncIterator, AsyncGenerator, AsyncIterable)

logger = logging.getLogger("velox.error")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of an :data:`EventStream`, where its data alone is not enough.

    Args:
        data: An item of the stream, which becomes JSON in the ``data`` field; a ``str`` is sent as it is.
        event: The event's type; ``None`` is ``"message"`` for browsers.
        id: What a browser sends back as ``Last-Event-ID`` when it reconnects.
        retry_ms: How long a browser waits before it reconnects.
    """

    data: Any
    event: str | None = None
    id: str | None = None
    retry_ms: int | None = None


if TYPE_CHECKING:
    EventStream = AsyncIterator[T | ServerSentEvent]
    JsonLines = AsyncIterator[T]
else:

    class EventStream(Generic[T]):
        """``-> EventStream[T]`` on an async generator: each item is sent as a Server-Sent Event."""

    class JsonLines(Generic[T]):
        """``-> JsonLines[T]`` on an async generator: each item is one line of JSON (``application/jsonl``)."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """What a stream of bytes or text is: ``-> Annotated[AsyncIterator[str], MediaType("text/csv; charset=utf-8")]``."""

    name: str


@dataclass(frozen=True, slots=True)
class Stream:
    """How a stream's items are framed."""

    media_type: str
    item: Any
    """The items' type."""
    keep_alive: bytes = b""


def stream_of(annotation: Any, where: str = "") -> Stream | None:
    """The stream that a return annotation asks for; ``None`` when it asks for none.

    Raises:
        ConfigurationError: VX202 for a stream of what has no bytes of its own; ``where`` says who asked.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        stream = stream_of(args[0], where) if get_origin(args[0]) in PLAIN else None
        kind = next((mark for mark in args[1:] if isinstance(mark, MediaType)), None)
        return replace(stream, media_type=kind.name) if stream is not None and kind is not None else stream
    if origin is EventStream:
        return Stream("text/event-stream", args[0], keep_alive=b":\n\n")
    if origin is JsonLines:
        return Stream("application/jsonl", args[0])
    if origin not in PLAIN and annotation not in PLAIN:
        return None
    if args[:1] == (str,):
        return Stream("text/plain; charset=utf-8", str)
    if args[:1] == (bytes,):
        return Stream("application/octet-stream", bytes)
    raise ConfigurationError(
        "VX202",
        f"{where}: a plain stream is of bytes or str, not {args[0] if args else 'anything'!r}",
        hint="Annotate -> JsonLines[T] or -> EventStream[T] for items that become JSON",
    )


def framer(stream: Stream, encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """The function from an item to the bytes on the wire."""
    if stream.media_type == "text/event-stream":
        return lambda item: event_bytes(item, encode)
    if stream.media_type == "application/jsonl":
        return lambda item: encode(item) + b"\n"
    return plain_bytes


def plain_bytes(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    raise TypeError(f"a plain stream is of bytes or str, but {type(item).__name__} was yielded")


def event_bytes(item: Any, encode: Callable[[Any], bytes]) -> bytes:
    """One event in the text/event-stream format (WHATWG HTML, section 9.2.6)."""
    event = item if isinstance(item, ServerSentEvent) else ServerSentEvent(item)
    text = event.data if isinstance(event.data, str) else encode(event.data).decode()
    fields = [("event", event.event), ("id", event.id), ("retry", event.retry_ms)]
    lines = [f"{name}: {single_line(value)}" for name, value in fields if value is not None]
    # CR, LF and CRLF all end a line; each line of the data needs its own field.
    lines += [f"data: {line}" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def single_line(value: object) -> str:
    """A field's value, which may hold no line break: it would start a new field."""
    return str(value).replace("\r", " ").replace("\n", " ").replace("\0", "")


async def send_stream(
    request: Request, items: AsyncIterator[Any], stream: Stream, encode: Callable[[Any], bytes], status: int
) -> BaseHTTPResponse:
    """Send ``items`` as they come; the answer's end is left to the caller, who calls ``eof()``.

    The first item is awaited before the head is sent, so an error up to there still becomes a problem.
    When the client goes away, the generator is closed: its ``finally`` runs.
    """
    frame = framer(stream, encode)
    try:
        first = await anext(items, ...)
        piece = b"" if first is ... else frame(first)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"} if stream.keep_alive else {}
        headers = {**carried(request), **headers}
        response: BaseHTTPResponse = await request.respond(
            status=status, headers=headers, content_type=stream.media_type
        )
        if first is not ... and request.method != "HEAD":
            await response.send(piece)
            async with kept_alive(response.send, stream.keep_alive) as send:
                async for item in items:
                    await send(frame(item))
        return response
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def break_off(request: Request, error: Exception) -> None:
    """End a started answer so that the client sees it is not whole (RFC 9112, section 8): half an answer must not pass
    for all of it.
    """
    if request.app.asgi:
        raise error  # the ASGI server breaks the connection
    where = f"{request.method} {request.path}"
    logger.error("%s failed midway [request %s]", where, request_id(request), exc_info=error)
    request.transport.abort()  # type: ignore[attr-defined]
    raise asyncio.CancelledError


@asynccontextmanager
async def kept_alive(send: Send, comment: bytes) -> AsyncIterator[Send]:
    """``send``, and ``comment`` sent in between whenever nothing else was for :data:`KEEP_ALIVE_S`.

    The handler's generator stays in the request's own task, with its context variables and timeouts; the comments come
    from a task beside it.
    """
    if not comment:
        yield send
        return
    clock, busy = asyncio.get_running_loop().time, asyncio.Lock()
    last_s = clock()

    async def send_and_note(piece: bytes) -> None:
        nonlocal last_s
        async with busy:
            await send(piece)
            last_s = clock()

    async def beat() -> None:
        while True:
            rest_s = last_s + KEEP_ALIVE_S - clock()
            await (asyncio.sleep(rest_s) if rest_s > 0 else send_and_note(comment))

    heart = asyncio.create_task(beat())
    try:
        yield send_and_note
    finally:
        heart.cancel()
        await asyncio.wait([heart])
