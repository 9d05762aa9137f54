"""The bytes that come in → heads and bodies. No I/O here: bytes are added, and what they mean is asked for.

head ──▶ body ──▶ head ...   A body ends exactly where its framing says, and what follows waits for the next head:
                             llhttp is never given a byte of a request before the one in hand is answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from velox.http.budgets import Budgets
from velox.http.head import FIELD, Fields, Line, check_fields, parse_fields, parse_line
from velox.http.refusal import Refusal

__all__ = ["Head", "Inbound"]

END = b"\r\n\r\n"
LINE_ENDS = (b"\r", b"\n")
MAX_SEEN = 512
MAX_SEEN_BYTES = 2**10
"""Longer heads are read anew each time. Worst case of what is kept: 512 heads and 1,024 blocks, 3 MiB a worker."""
# RFC 9112, section 7.1. What an extension says is ignored, but it may not hide where the line ends.
SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]*)?\r\n")


class Head:
    """A request's head; not changed once it is made, because the next request may have the same.

    Attributes:
        method, target, version: Of the request line; see :class:`Line`.
        fields: The header fields.
        raw: Its bytes.
        has_body: Whether bytes of a body follow.
        has_plain_body: Whether that body is just its bytes: no coding, nothing to be said before it is sent.
        is_usual: Whether its answer is an answer like any other: with a body, and without ``Connection``.
        stays: Whether the client lets the connection stay after the answer.
        found: What the router said of it, and ``found_by`` which router: for it alone, kept for the next request.
    """

    __slots__ = (
        "fields",
        "found",
        "found_by",
        "has_body",
        "has_plain_body",
        "is_usual",
        "method",
        "raw",
        "stays",
        "target",
        "version",
    )

    def __init__(self, line: Line, fields: Fields, raw: bytes) -> None:
        self.method, self.target, self.version, _ = line
        method, version = self.method, self.version
        self.found: Any = None
        self.found_by: Any = None
        self.fields = fields
        self.raw = raw
        self.has_body = fields.chunked or bool(fields.length)
        self.has_plain_body = self.has_body and not (fields.chunked or fields.coding or fields.expect)
        self.is_usual = version == "1.1" and method != "HEAD"
        self.stays = not fields.close and (version == "1.1" or fields.keep_alive)


class Seen:
    """Heads, and blocks of fields by version, that a worker has read: what they mean depends on their bytes alone.

    Shared by all connections: most clients send one of few blocks, and what all look at stays in the processor's cache.
    """

    __slots__ = ("blocks", "heads")

    def __init__(self) -> None:
        self.heads: dict[bytes, Head] = {}
        self.blocks: dict[str, dict[bytes, Fields]] = {"1.0": {}, "1.1": {}}


def remember(known: dict[bytes, Any], data: bytes, meaning: Any) -> None:
    if len(data) <= MAX_SEEN_BYTES:
        if len(known) >= MAX_SEEN:
            known.clear()
        known[data] = meaning


class Inbound:
    """One connection's incoming side.

    Args:
        budgets: The limits of heads and framing.
        deliver: Called with each piece of a body.
        seen: What the worker's other connections have read. ``None``: there are none.

    Attributes:
        buffer: What came and is not read yet.
        body_done: Whether the body of the request in hand is complete; also when it has none.
        declared_bytes: How long the body is; of one in chunks, as far as it has said.
        left: What is still to come of a body of known length; 0 for one in chunks.
    """

    __slots__ = (
        "_budgets",
        "_chunk_left",
        "_chunked",
        "_deliver",
        "_fed",
        "_framing_bytes",
        "_head",
        "_in_trailers",
        "_is_untold",
        "_parser",
        "_seen",
        "body_done",
        "buffer",
        "declared_bytes",
        "left",
    )

    def __init__(self, budgets: Budgets, deliver: Callable[[bytes], None], seen: Seen | None = None) -> None:
        self._seen = seen or Seen()
        self._budgets = budgets
        self._deliver = deliver
        self._parser = self._new_parser()
        self.buffer = b""
        self._fed = 0
        self._head: Head | None = None
        self.body_done = True
        self.left = 0
        self._chunked = self._in_trailers = self._is_untold = False
        self._chunk_left = self._framing_bytes = self.declared_bytes = 0

    @property
    def is_between_requests(self) -> bool:
        """Whether no head has begun."""
        return not self._fed

    def _new_parser(self) -> HttpRequestParser:
        parser = HttpRequestParser(self)
        # When a connection ends is decided by us; llhttp would also listen to Proxy-Connection.
        parser.set_dangerous_leniencies(lenient_keep_alive=True)
        return parser

    # What llhttp calls

    def on_body(self, data: bytes) -> None:
        self._deliver(data)

    def on_message_complete(self) -> None:
        self.body_done = True

    # Heads

    def read_head(self) -> Head | None:
        """The next head; ``None`` when it is not complete yet.

        Raises:
            Refusal: What came is no request, or over a limit.
        """
        buffer = self.buffer
        if not self._fed:
            head = self._seen_head(buffer)
            if head is not None:
                return head
        if buffer[:1] in LINE_ENDS and not self._fed:
            # RFC 9112, section 2.2: empty lines before a request are ignored.
            buffer = self.buffer = skip_empty_lines(buffer)
            if buffer in (b"", b"\r"):
                return None
        end = buffer.find(END, self._fed - 3 if self._fed > 3 else 0) + 4
        size = end if end > 3 else len(buffer)
        if size > self._budgets.head_bytes:
            raise self._too_long(buffer)
        if end == 3:
            self._feed_head(buffer[self._fed :])
            self._fed = size
            return None
        raw = buffer if end == len(buffer) else buffer[:end]
        self.body_done = self._is_untold = False
        upgrades = self._feed_head(raw[self._fed :] if self._fed else raw)
        self._fed = 0
        self.buffer = buffer[end:]
        head = self._parse(raw)
        if upgrades and head.has_body:
            self._decline_upgrade(head.fields)
        if self.body_done == head.has_body:
            raise Refusal(400, "The request's framing is ambiguous.")
        self._head = None if upgrades else head
        return self._begin_body(head) if head.has_body else head

    def _seen_head(self, buffer: bytes) -> Head | None:
        """The head of ``buffer``, if these very bytes have been read before.

        Who asks the same again sends the same bytes, and llhttp, which is between two requests, would say the same of
        them: it need not be asked. 0.2 µs instead of 2.
        """
        heads = self._seen.heads
        head = heads.get(buffer) if len(buffer) <= MAX_SEEN_BYTES else None
        if head is not None:
            self.buffer = b""
            return head
        head = self._head
        if head is None or not buffer.startswith(head.raw):
            return None
        self.buffer = buffer[len(head.raw) :]
        if head.has_body:
            self._is_untold = True
            return self._begin_body(head)
        if not self.buffer:
            remember(heads, buffer, head)
        return head

    def _begin_body(self, head: Head) -> Head:
        self.body_done = False
        self._chunked = head.fields.chunked
        self.left = self.declared_bytes = head.fields.length or 0
        self._in_trailers = False
        self._chunk_left = self._framing_bytes = 0
        return head

    def _feed_head(self, data: bytes) -> bool:
        """Whether llhttp takes the request for an upgrade, whose body it leaves alone."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            return True
        except HttpParserError:
            raise Refusal(400, "The request's head is malformed.") from None
        return False

    def _parse(self, raw: bytes) -> Head:
        line, block = parse_line(raw)
        if len(line.target) > self._budgets.target_bytes:
            raise Refusal(414, f"The request target has more than {self._budgets.target_bytes} bytes.")
        if line.authority is not None:
            return Head(line, self._parse_fields(block, line), raw)
        blocks = self._seen.blocks[line.version]
        # Of different requests of a client the fields are mostly the same: 0.5 µs less for each field.
        fields = blocks.get(block)
        if fields is None:
            fields = self._parse_fields(block, line)
            remember(blocks, block, fields)
        return Head(line, fields, raw)

    def _parse_fields(self, block: bytes, line: Line) -> Fields:
        fields = parse_fields(block, self._budgets.fields)
        check_fields(fields, line)
        return fields

    def _decline_upgrade(self, fields: Fields) -> None:
        """Read the body as any other: the upgrade is declined, or concerns what follows it (RFC 9110, section 7.8).

        llhttp has skipped it, so a new parser gets to know of it.
        """
        self._parser = self._new_parser()
        framing = b"Transfer-Encoding: chunked" if fields.chunked else b"Content-Length: %d" % (fields.length or 0)
        self.body_done = False
        self._feed_head(b"POST / HTTP/1.1\r\n" + framing + END)

    def _too_long(self, buffer: bytes) -> Refusal:
        line = buffer.partition(b"\r\n")[0]
        if len(line) > min(self._budgets.target_bytes, self._budgets.head_bytes):
            return Refusal(414, f"The request target has more than {self._budgets.target_bytes} bytes.")
        return Refusal(431, f"The request's head has more than {self._budgets.head_bytes} bytes.")

    # Bodies

    def take_body(self) -> bytes | None:
        """A body of known length, if all of it came with its head, as most do: 2 µs less than piece by piece."""
        left, buffer = self.left, self.buffer
        if self._chunked or len(buffer) < left:
            return None
        body, self.buffer = (buffer, b"") if len(buffer) == left else (buffer[:left], buffer[left:])
        self.left = 0
        if not self._is_untold:  # llhttp waits for it, and delivers it to nobody
            self._deliver, deliver = ignore, self._deliver
            self._parser.feed_data(body)
            self._deliver = deliver
        self.body_done = True
        return body

    def read_body(self) -> None:
        """Deliver what of the body came.

        Raises:
            Refusal: Its framing is malformed.
        """
        data, self.buffer = self.buffer, b""
        if self._is_untold and self._head is not None:
            self._is_untold = False
            self._feed_head(self._head.raw)
        try:
            if self._chunked:
                self.buffer = self._read_chunks(data)
            else:
                self.buffer = data[self.left :]
                piece = data[: self.left] if self.buffer else data
                self.left -= len(piece)
                self._parser.feed_data(piece)
        except HttpParserError:
            raise Refusal(400, "The chunked body is malformed.") from None

    def _read_chunks(self, data: bytes) -> bytes:
        """Read line by line and chunk by chunk up to the body's end; what is left is returned."""
        position = 0
        while position < len(data) and not self.body_done:
            if self._chunk_left:
                piece = data[position : position + self._chunk_left]
                self._chunk_left -= len(piece)
                self._parser.feed_data(piece)
                position += len(piece)
                continue
            line_end = data.find(b"\n", position) + 1
            line = data[position:line_end] if line_end else data[position:]
            if self._framing_bytes + len(line) > self._budgets.framing_bytes + self.declared_bytes:
                raise Refusal(400, "The body has more framing than data.")
            if not line_end:
                if b"\r" in line[:-1]:
                    raise Refusal(400, "A CR is not followed by LF.")
                break
            self._framing_bytes += len(line)
            self._read_trailer(line) if self._in_trailers else self._read_size(line)
            position = line_end
        return data[position:]

    def _read_size(self, line: bytes) -> None:
        found = SIZE.fullmatch(line)
        if found is None:
            raise Refusal(400, "A chunk's size is malformed.")
        self._parser.feed_data(line)
        size = int(found[1], 16)
        self._in_trailers = size == 0
        self._chunk_left = size + 2 if size else 0
        self.declared_bytes += size

    def _read_trailer(self, line: bytes) -> None:
        """Trailers are read and dropped (RFC 9110, section 6.5.1): nothing that comes after a body may change it."""
        if line == b"\r\n":
            self._parser.feed_data(line)
            return
        found = FIELD.fullmatch(line[:-2]) if line.endswith(b"\r\n") else None
        if found is None or found[1].lower() in (b"content-length", b"transfer-encoding"):
            raise Refusal(400, "A trailer is malformed, or not allowed.")


def ignore(_: bytes) -> None:
    pass


def skip_empty_lines(buffer: bytes) -> bytes:
    """``buffer`` without empty lines before it; a lone CR may still become one, a lone LF never is."""
    while buffer.startswith(b"\r\n"):
        buffer = buffer[2:]
    return buffer
