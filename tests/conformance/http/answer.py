"""A response parser that forgives nothing: a server that is strict with its clients is held to the same RFC itself."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "MalformedAnswer", "read_answer"]

# RFC 9112, section 4: the space before the reason is there even when the reason is not. HTTP/1.0 answers its like.
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")
# RFC 9110, section 5: a token, a colon, and a value without control characters.
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)")
LENGTH = re.compile(rb"0|[1-9][0-9]{0,17}")
CHUNK = re.compile(rb"[0-9A-Fa-f]{1,15}")
WITHOUT_BODY = frozenset({204, 304})


class MalformedAnswer(Exception):
    """The server's answer is not HTTP/1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One final answer.

    Attributes:
        status: Its code.
        fields: Lower-case name → value.
        body: Without its framing.
        interim: The codes of the interim answers that came before.
    """

    status: int
    fields: Mapping[str, str]
    body: bytes
    interim: tuple[int, ...] = ()

    @property
    def is_problem(self) -> bool:
        """Whether it is a problem document (RFC 9457) whose members agree with the head."""
        if self.fields.get("content-type") != "application/problem+json":
            return False
        document = self.json()
        return isinstance(document, dict) and document.get("status") == self.status and bool(document.get("title"))

    def json(self) -> Any:
        """The body as JSON; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


async def read_answer(stream: asyncio.StreamReader, method: str) -> Answer | None:
    """The next final answer to a request with ``method``; None at the end of the connection.

    Raises:
        MalformedAnswer: It breaks RFC 9110 or 9112, or the connection ends inside it.
    """
    interim: list[int] = []
    while (head := await _head(stream)) is not None:
        status, fields = head
        if status == 101 or status >= 200:
            return Answer(status, fields, await _body(stream, status, fields, method), tuple(interim))
        interim.append(status)
    if interim:
        raise MalformedAnswer(f"no final answer after {interim}")
    return None


async def _head(stream: asyncio.StreamReader) -> tuple[int, dict[str, str]] | None:
    try:
        head = await stream.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise MalformedAnswer(f"the connection ended inside a head: {error.partial[:200]!r}") from None
        return None
    except asyncio.LimitOverrunError:
        raise MalformedAnswer("a head without end") from None
    status_line, *lines = head[:-4].split(b"\r\n")
    found = STATUS_LINE.fullmatch(status_line)
    if found is None:
        raise MalformedAnswer(f"no status line: {status_line[:200]!r}")
    fields: dict[str, str] = {}
    for line in lines:
        match = FIELD.fullmatch(line)
        if match is None:
            raise MalformedAnswer(f"no field: {line[:200]!r}")
        name, value = match[1].decode().lower(), match[2].decode("latin-1").rstrip("\t ")
        if name in fields and name in {"content-length", "transfer-encoding", "content-type", "date"}:
            raise MalformedAnswer(f"{name} twice")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return int(found[1]), fields


async def _body(stream: asyncio.StreamReader, status: int, fields: Mapping[str, str], method: str) -> bytes:
    """RFC 9112, section 6.3."""
    length, coding = fields.get("content-length"), fields.get("transfer-encoding")
    if length is not None and coding is not None:
        raise MalformedAnswer("both Content-Length and Transfer-Encoding")
    if length is not None and LENGTH.fullmatch(length.encode("latin-1")) is None:
        raise MalformedAnswer(f"Content-Length: {length}")
    if (status < 200 or status == 204) and (length is not None or coding is not None):
        raise MalformedAnswer(f"{status} with the length of a body")
    if method == "HEAD" or status < 200 or status in WITHOUT_BODY:
        return b""
    try:
        if coding is not None:
            if coding.lower() != "chunked":
                raise MalformedAnswer(f"Transfer-Encoding: {coding}")
            return await _chunks(stream)
        if length is not None:
            return await stream.readexactly(int(length))
    except asyncio.IncompleteReadError:
        raise MalformedAnswer("the connection ended inside a body") from None
    except asyncio.LimitOverrunError:
        raise MalformedAnswer("a chunk size without end") from None
    if fields.get("connection", "").lower() != "close":
        raise MalformedAnswer("a body without length on a connection that stays open")
    return await stream.read()


async def _chunks(stream: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = (await stream.readuntil(b"\r\n"))[:-2]
        if CHUNK.fullmatch(line) is None:
            raise MalformedAnswer(f"chunk size {line[:40]!r}")
        chunk = await stream.readexactly(int(line, 16) + 2)
        if not chunk.endswith(b"\r\n"):
            raise MalformedAnswer("a chunk that does not end with CR LF")
        if len(chunk) == 2:
            return bytes(body)
        body += chunk[:-2]
