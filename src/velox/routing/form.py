"""Form bodies, read as they arrive: fields into memory, files to disk past a threshold, everything within limits."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from sanic import Request

from velox.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from velox.routing.binding import Values, parse_urlencoded
from velox.routing.body import media_type
from velox.routing.multipart_pieces import between_boundaries
from velox.routing.plan import Limits
from velox.routing.upload import UploadFile

__all__ = ["Form", "read_form"]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
UNSAFE = re.compile(r"[\0\r\n]")
LINGER_BYTES = 16 * 1024 * 1024
LINGER_S = 2.0
"""How much of a body that is too large is still read, and for how long, before the connection is closed."""


class Form:
    """The fields and files of one form body, by name."""

    def __init__(self) -> None:
        self.values: Values = {}
        self._files: list[UploadFile] = []

    def add(self, name: str, value: str | UploadFile) -> None:
        self.values.setdefault(name, []).append(value)
        if isinstance(value, UploadFile):
            self._files.append(value)

    def close(self) -> None:
        """Remove every file that the request brought."""
        for file in self._files:
            file.close()


async def read_form(request: Request, limits: Limits) -> Form:
    """Read the whole form.

    Raises:
        BadRequest: It is malformed, or has more parts than ``limits`` allows.
        ContentTooLarge: It is over its limit; reading stops there.
        UnsupportedMediaType: It is no form.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    form = Form()
    if kind.lower() == URLENCODED:
        text = b"".join([chunk async for chunk in chunks(request, limits.form_body_bytes)])
        try:
            form.values = parse_urlencoded(text.decode(), limits.form_parts)
        except UnicodeDecodeError:
            raise BadRequest("The form is not valid UTF-8.") from None
        return form
    if kind.lower() != MULTIPART:
        raise UnsupportedMediaType(
            f"The body has to be {MULTIPART} or {URLENCODED}, not {media_type(kind) or 'unlabelled'}.",
            headers={"Accept": f"{MULTIPART}, {URLENCODED}"},
        )
    if "boundary" not in options:
        raise BadRequest("The multipart body's Content-Type names no boundary.")
    try:
        await read_multipart(request, options["boundary"], form, limits)
    except MultipartError as error:
        form.close()
        raise BadRequest(f"The multipart body is malformed: {error}.") from None
    except BaseException:
        form.close()
        raise
    return form


async def chunks(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives, up to ``max_bytes``."""
    received_bytes = 0
    stream: Any = request.stream
    # An empty piece is not the end: a client may send one, and in process they arrive as they are.
    while stream is not None and stream.request_body and (chunk := await stream.read()) is not None:
        received_bytes += len(chunk)
        if received_bytes > max_bytes:
            await discard(stream)
            raise ContentTooLarge(f"The body is larger than {max_bytes} bytes.")
        if chunk:
            yield chunk


async def discard(stream: Any) -> None:
    """Read on for a while: a connection closed on a client that still sends is reset, and the answer is lost with it
    (RFC 9112, section 9.6).
    """
    received_bytes = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while received_bytes < LINGER_BYTES and (chunk := await stream.read()):
                received_bytes += len(chunk)


async def read_multipart(request: Request, boundary: str, form: Form, limits: Limits) -> None:
    """Feed the body through the push parser (RFC 7578) and put its parts into ``form``."""
    segment: MultipartSegment | None = None
    file: SpooledTemporaryFile[bytes] | None = None
    with PushMultipartParser(boundary, max_segment_count=limits.form_parts, strict=True) as parser:
        try:
            body = chunks(request, limits.form_body_bytes)
            async for chunk in between_boundaries(body, boundary.encode()):
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        segment = checked(event)
                        file = SpooledTemporaryFile(max_size=limits.form_spool_bytes)  # noqa: SIM115 - lives on in form
                    elif event:
                        assert file is not None
                        file.write(event)
                    elif segment is not None and file is not None:
                        form.add(segment.name or "", part_value(segment, file))
                        segment = file = None
        finally:
            if file is not None:
                file.close()


def checked(segment: MultipartSegment) -> MultipartSegment:
    """``segment``, whose headers hold none of the three characters that are dangerous (RFC 9110, section 5.5)."""
    if any(UNSAFE.search(value) for _, value in segment.headerlist):
        raise BadRequest("The multipart body is malformed: a part's header has a NUL or a line break in it.")
    return segment


def part_value(segment: MultipartSegment, file: SpooledTemporaryFile[bytes]) -> str | UploadFile:
    """A part with a file name is a file, one without is text (RFC 7578, section 4.2)."""
    if segment.filename is not None:
        content_type = segment.content_type or "application/octet-stream"
        return UploadFile(file, name=segment.name or "", filename=segment.filename, content_type=content_type)
    with file:
        file.seek(0)
        try:
            return file.read().decode()
        except UnicodeDecodeError:
            raise BadRequest(f"The form's field {segment.name!r} is not valid UTF-8.") from None
