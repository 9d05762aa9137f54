"""The settings of the wire: what one client may cost, and how the server speaks."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from velox._addresses import HeaderValue
from velox._quantities import Bytes, Seconds, Timeout
from velox._sources import Sourced

__all__ = ["WireSettings"]

Buffer = Annotated[Bytes, Field(ge=1024, le=2**30)]


class WireSettings(Sourced):
    """What one client may cost. Below are the worst cases of one connection with the defaults; a worker has
    ``max_connections`` of them.

    - a head that never ends: ``max_head_bytes`` for ``head_timeout_s``. A worker full of them: 80 MiB for 10 s;
    - a body that is read whole: ``max_form_body_bytes`` (10 MiB), or what the route says, at no less than 1 KiB/s. A
      worker full of them needs 100 GB, so set ``max_connections`` to what the machine has;
    - a body that is read as a stream: ``read_ahead_bytes`` and one read of the socket (256 KiB), even if the handler
      reads nothing;
    - pipelined requests: one is served, the others wait in the same ``read_ahead_bytes``;
    - a client that does not read: ``write_buffer_bytes`` of a stream, or one whole answer, for ``write_timeout_s``;
    - a compressed body, where it is allowed: no more than its limit; read as a stream, ``max_compression_ratio`` times
      one read of the socket;
    - a WebSocket: ``websocket_max_bytes`` of a message that is not whole, and one read of the socket.
    """

    max_connections: int = Field(default=10_000, ge=1)
    """Connections of a worker; one more is answered 503 and closed."""
    max_head_bytes: Bytes = Field(default=8 * 2**10, ge=256, le=2**20)
    """A request's line and header fields together; more is a 431."""
    max_url_bytes: Bytes = Field(default=8 * 2**10, ge=16, le=2**16 - 1)
    """A request's target, path and query; more is a 414. It is a part of the head, and so never longer than that."""
    max_header_fields: int = Field(default=100, ge=1)
    """Header fields of a request; more is a 431."""
    head_timeout_s: Timeout = 10.0
    """From the connection, or the next request's first byte, to the end of its head: more is a 408. A byte a second is
    no progress."""
    keep_alive_s: Seconds = 75.0
    """How long a connection may be idle between two requests; 0 closes it after each answer."""
    min_body_bytes_per_s: Bytes = 2**10
    """How fast a body has to arrive while it is waited for; less is a 408. 0: any rate."""
    body_window_s: Timeout = 10.0
    """The time over which that rate is measured: a client that sends nothing is closed after it."""
    response_timeout_s: Timeout = 60.0
    """How long a handler may neither end nor send nor receive anything; then it is cancelled, with a 503."""
    write_timeout_s: Timeout = 30.0
    """How long a client may read nothing while something waits to be sent; then it is cut."""
    write_buffer_bytes: Buffer = 64 * 2**10
    """What may wait to be sent to a client before a stream waits for it; twice as much waits in the kernel."""
    read_ahead_bytes: Buffer = 64 * 2**10
    """What is kept of a body, or of pipelined requests, before reading pauses."""
    max_framing_bytes: Bytes = Field(default=8 * 2**10, ge=256)
    """Bytes of chunk sizes, extensions and trailers beyond the number of a body's own; more is a 400."""
    max_discarded_bytes: Bytes = 256 * 2**10
    """The rest of a body that no handler read is read and dropped up to this, to keep the connection; more ends it."""
    max_compression_ratio: float = Field(default=0.0, ge=0, le=1000)
    """How many times its size a compressed request body (gzip, deflate) may grow; more, beyond its first 64 KiB, is a
    413, as is more than the body's own limit. 0: compressed bodies are a 415."""
    websocket_max_bytes: Buffer = 2**20
    """The largest WebSocket message; a larger one closes the connection with code 1009."""
    websocket_frames_per_s: int = Field(default=1000, ge=0)
    """How many frames of a WebSocket are read in a second, pings too; a client that sends more waits. 0: any number."""
    websocket_ping_s: Seconds = 20.0
    """How often a WebSocket's client is pinged, and how long it may take to answer; 0: never."""
    websocket_compression: bool = False
    """Whether WebSocket messages are compressed where the client can (RFC 7692): up to 64 KiB of memory for
    each connection."""
    server_header: HeaderValue = "velox"
    """``Server`` of every answer; empty sends none."""
    ssl_certificate: Path | None = None
    """The file of the certificate, with its chain (PEM): the server speaks TLS. None: plain HTTP."""
    ssl_key: Path | None = None
    """The file of its private key (PEM), without a passphrase. None: it is in the certificate's file."""
