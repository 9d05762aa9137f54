"""Answers that are sent piece by piece: Server-Sent Events, JSON lines, bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_origin

from pydantic_core import to_json
from sanic import Request

T = TypeVar("T")

__all__ = ["EventStream", "JsonLines", "ServerSentEvent", "Stream", "send_stream", "stream_of"]

KEEP_ALIVE_S = 15.0
"""A comment is sent after this long without an event, so that proxies keep the connection (WHATWG HTML, section 9.2.7)."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of an :data:`EventStream`, where its data alone is not enough.

    Args:
        data: What becomes JSON in the ``data`` field; a ``str`` is sent as it is.
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
class Stream:
    """How a stream's items are framed."""

    media_type: str
    item: Any
    """The items' type."""
    keep_alive: bytes = b""


def stream_of(annotation: Any) -> Stream | None:
    """The stream that a return annotation asks for; ``None`` when it asks for none."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is EventStream:
        return Stream("text/event-stream", args[0], keep_alive=b":\n\n")
    if origin is JsonLines:
        return Stream("application/jsonl", args[0])
    if origin in {get_origin(AsyncIterator[int]), get_origin(AsyncGenerator[int, None])}:
        text = args[0] is str
        return Stream("text/plain; charset=utf-8" if text else "application/octet-stream", args[0])
    return None


def framer(stream: Stream, encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """The function from an item to the bytes on the wire."""
    if stream.media_type == "text/event-stream":
        return lambda item: event_bytes(item, encode)
    if stream.media_type == "application/jsonl":
        return lambda item: encode(item) + b"\n"
    return lambda item: item.encode() if isinstance(item, str) else bytes(item)


def event_bytes(item: Any, encode: Callable[[Any], bytes]) -> bytes:
    """One event in the text/event-stream format (WHATWG HTML, section 9.2.6)."""
    event = item if isinstance(item, ServerSentEvent) else ServerSentEvent(item)
    if isinstance(event.data, str):
        text = event.data
    else:
        text = (to_json(event.data, inf_nan_mode="null") if event is item else encode(event.data)).decode()
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
) -> None:
    """Send ``items`` as they come.

    The first item is awaited before the head is sent, so an error up to there still becomes a problem.
    When the client goes away, the generator is closed: its ``finally`` runs.
    """
    frame = framer(stream, encode)
    try:
        first = await anext(items, ...)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"} if stream.keep_alive else {}
        response = await request.respond(status=status, headers=headers, content_type=stream.media_type)
        if first is not ...:
            await response.send(frame(first))
            async for item in kept_alive(items, stream.keep_alive):
                await response.send(item if item is stream.keep_alive else frame(item))
        await response.eof()
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


async def kept_alive(items: AsyncIterator[Any], comment: bytes) -> AsyncIterator[Any]:
    """``items``, with ``comment`` in between whenever none comes for :data:`KEEP_ALIVE_S`."""
    if not comment:
        async for item in items:
            yield item
        return
    while True:
        upcoming = asyncio.ensure_future(_next(items))
        try:
            while not (await asyncio.wait({upcoming}, timeout=KEEP_ALIVE_S))[0]:
                yield comment
        except BaseException:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
            raise
        item = upcoming.result()
        if item is ...:
            return
        yield item


async def _next(items: AsyncIterator[Any]) -> Any:
    return await anext(items, ...)
