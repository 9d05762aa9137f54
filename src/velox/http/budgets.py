"""What one client may cost: every limit of the wire, with its worst case."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Budgets"]


@dataclass(frozen=True, slots=True)
class Budgets:
    """The limits of one worker's connections.

    Worst cases of one connection with the defaults; multiply by ``connections`` (10,000) for the worker:

    - a head that never ends: 8 KiB for 10 s, and then it is closed. A worker full of them: 80 MiB for 10 s;
    - a body that is read whole: ``body_bytes`` (10 MiB, or the route's own limit), at no less than 1 KiB/s;
    - a body that is read as a stream: ``read_ahead_bytes`` + one read of the socket (256 KiB on uvloop), however slow
      the handler;
    - pipelined requests: one is served, the others wait in the same ``read_ahead_bytes``;
    - a client that does not read: ``write_buffer_bytes`` of a stream, or one whole answer, for ``write_stall_s``.
    """

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
