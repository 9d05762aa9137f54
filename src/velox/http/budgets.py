"""What one client may cost: every limit of the wire, with its worst case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from velox._wire import WireSettings

__all__ = ["Budgets"]


@dataclass(frozen=True, slots=True)
class Budgets:
    """The limits of one worker's connections; a Velox app's are made of its settings, where the worst cases stand."""

    head_bytes: int = 8 * 2**10
    """Request line and header fields together, the empty line included; more is a 431."""
    target_bytes: int = 8 * 2**10
    """The request target; more is a 414. It is a part of the head, so the head's answer comes first when they are
    equal: set this lower to tell the two apart.
    """
    fields: int = 100
    """Header fields of a request; more is a 431."""
    body_bytes: int | None = None
    """A body that is read whole, where the route has no limit of its own; more is a 413. ``None``: the app's
    ``REQUEST_MAX_SIZE``, under Velox the larger of ``max_json_body_bytes`` and ``max_form_body_bytes``: 10 MiB.
    A declared length is refused before a byte of the body is read, a chunk before a byte of its data.
    """
    framing_bytes: int = 8 * 2**10
    """Bytes of chunk sizes, extensions and trailers beyond the number of the data's own; more is a 400. So a chunk
    extension is at most this long, and a body of one-byte chunks ends after 2,048 of them.
    """
    read_ahead_bytes: int = 64 * 2**10
    """What is kept of a body or of pipelined requests before reading from the socket pauses."""
    write_buffer_bytes: int = 64 * 2**10
    """What may wait to be sent before ``send()`` waits."""
    discard_bytes: int = 256 * 2**10
    """The rest of a body that nobody read is read and dropped up to this, to keep the connection; more closes it."""
    head_s: float = 10.0
    """From the connection, or the next request's first byte, to the end of the head: a byte a second is no progress."""
    body_rate: float = 2**10
    """Bytes a second that a body has to arrive with while it is waited for; 0: any rate."""
    body_window_s: float = 10.0
    """The time over which that rate is measured: a silent client is closed after this."""
    keep_alive_s: float = 75.0
    """How long a connection may be idle between two requests."""
    response_s: float | None = None
    """How long a handler may neither end nor send nor receive anything; then it is cancelled with a 503. ``None``:
    the app's ``RESPONSE_TIMEOUT``, 60 s.
    """
    write_stall_s: float = 30.0
    """How long a client may not read at all while something waits to be sent."""
    linger_s: float = 2.0
    """After an answer that ends the connection early, what still comes is dropped for this long: closing at once would
    reset the connection, and the client might never see the answer (RFC 9112, section 9.6).
    """
    connections: int = 10_000
    """Connections of a worker; one more is answered 503 and closed."""
    compression_ratio: float = 0.0
    """How many times its size a compressed body may grow, beyond its first 64 KiB; more is a 413. 0: it is a 415."""
    websocket_frames_per_s: int = 1000
    """Frames of a WebSocket that are read in a second; a client that sends more waits. 0: any number."""
    websocket_compression: bool = False
    """Whether WebSocket messages are compressed where the client can (RFC 7692)."""

    @classmethod
    def of(cls, settings: WireSettings) -> Self:
        """What ``settings`` say; the limits of bodies are the routes'."""
        return cls(
            head_bytes=settings.max_head_bytes,
            target_bytes=settings.max_url_bytes,
            fields=settings.max_header_fields,
            framing_bytes=settings.max_framing_bytes,
            read_ahead_bytes=settings.read_ahead_bytes,
            write_buffer_bytes=settings.write_buffer_bytes,
            discard_bytes=settings.max_discarded_bytes,
            head_s=settings.head_timeout_s,
            body_rate=settings.min_body_bytes_per_s,
            body_window_s=settings.body_window_s,
            keep_alive_s=settings.keep_alive_s,
            write_stall_s=settings.write_timeout_s,
            connections=settings.max_connections,
            compression_ratio=settings.max_compression_ratio,
            websocket_frames_per_s=settings.websocket_frames_per_s,
            websocket_compression=settings.websocket_compression,
        )
