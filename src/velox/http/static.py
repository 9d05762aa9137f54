"""Files that are served as they are: ``app.static("/static", "static")``.

find ──▶ open ──▶ conditions ──▶ 304, 412
                      └──▶ range ──▶ 416
                             └──▶ 200, 206: in one piece, or piece by piece
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from io import FileIO
from mimetypes import guess_type
from typing import Any, Final, Self

from sanic import Request
from sanic.exceptions import SanicException
from sanic.handlers.directory import DirectoryHandler
from sanic.models.futures import FutureStatic
from sanic.response import BaseHTTPResponse, HTTPResponse, ResponseStream

from velox.errors import NotFound, PreconditionFailed
from velox.http.conditional import Validators, is_modified, is_same_part, may_proceed
from velox.http.folder import Folder, NotServed, open_file, relative_path
from velox.http.ranges import Part, Unsatisfiable, wanted_part

__all__ = ["StaticFiles"]

PIECE_BYTES: Final = 128 * 2**10
"""A large file is read and sent in pieces of this; the next is read when the client has taken enough of those before: a
slow reader costs one piece and the connection's write buffer."""
STREAMED_BYTES: Final = 2**20
"""A file of this size or more is sent in pieces, unless ``stream_large_files`` says another number."""
CACHE_CONTROL: Final = "no-cache"
"""A cache may keep the file, and asks each time whether it is still the same."""

COMPRESSED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


class StaticFiles:
    """Serves what ``app.static`` was told to.

    What cannot be served is a 404: outside the folder, unreadable, a folder, a pipe, a name too long or with a NUL.
    Ranges, entity tags and conditional requests are answered (RFC 9110, sections 13 and 14), whatever
    ``use_content_range`` says. Reading never blocks the loop.

    Args:
        static: What was declared.

    Attributes:
        is_file: Whether it is one file, and not a folder.
        answers_folders: Whether a folder has an answer: its index file, or its list.
    """

    def __init__(self, static: FutureStatic) -> None:
        root = os.path.realpath(os.fsdecode(static.file_or_directory))
        self._folder = Folder(root, static.follow_external_symlink_files, static.follow_external_symlink_dirs)
        self._content_type = static.content_type
        self._by_date = static.use_modified_since
        limit = static.stream_large_files
        self._streamed_bytes = STREAMED_BYTES if isinstance(limit, bool) else limit
        self._listing: DirectoryHandler = static.directory_handler
        is_own = type(self._listing) is not DirectoryHandler
        self._lists = is_own or self._listing.directory_view
        self.answers_folders = self._lists or bool(self._listing.index)
        self.is_file = static.resource_type == "file" or (static.resource_type is None and os.path.isfile(root))  # noqa: PTH113

    async def serve(self, request: Request, __file_uri__: str = "") -> BaseHTTPResponse | ResponseStream:
        """Answer a request for what is below the folder; without a path for the file or the folder itself.

        Args:
            request: The request.
            __file_uri__: The path, percent-encoded; Sanic's ``url_for`` knows it by this name.

        Raises:
            NotFound: There is nothing that may be served.
            PreconditionFailed: The client wants to know of another version only.
            SanicException: 416, the file has no such range.
        """
        try:
            path = relative_path(__file_uri__) if __file_uri__ else ""
            answer = await asyncio.to_thread(self._answer, request.method, request.headers, path)
            return await self._list(request) if answer is None else answer
        except NotServed:
            raise NotFound("There is no such file.") from None

    async def _list(self, request: Request) -> BaseHTTPResponse:
        if not self._lists:
            raise NotServed
        try:
            response: BaseHTTPResponse = await self._listing.handle(request, request.path)
        except OSError:
            raise NotServed from None
        return response

    def _answer(self, method: str, headers: Mapping[str, str], path: str) -> HTTPResponse | ResponseStream | None:
        """The answer; ``None`` for a folder without an index. It waits for the disk, so it wants a thread."""
        for place in (path, *(os.path.join(path, name) for name in self._listing.index)):  # noqa: PTH118
            try:
                real = self._folder.find(place)
                opened = open_file(real)
            except NotServed:
                if place == path:
                    raise
                continue
            if opened is not None:
                content_type = self._content_type or content_type_of(real)
                with Opened(*opened) as file:
                    return self._answer_with(file, method, headers, content_type)
        return None

    def _answer_with(
        self, file: Opened, method: str, headers: Mapping[str, str], content_type: str
    ) -> HTTPResponse | ResponseStream:
        known = Validators.of(modified_ns=file.modified_ns, size=file.size, now_s=time.time())
        own = {"ETag": known.etag, "Cache-Control": CACHE_CONTROL, "Accept-Ranges": "bytes"}
        if self._by_date:
            own["Last-Modified"] = known.last_modified
        if not may_proceed(headers, known):
            raise PreconditionFailed("The file is another version now.", headers={"ETag": known.etag})
        if not is_modified(headers, known, by_date=self._by_date):
            return HTTPResponse(None, 304, headers=own)
        part = self._part(file, method, headers, known)
        size = file.size if part is None else part.size
        status = 200 if part is None else 206
        if part is not None:
            own["Content-Range"] = part.content_range
        if method == "HEAD":
            return HTTPResponse(None, status, headers={**own, "Content-Length": str(size)}, content_type=content_type)
        first = 0 if part is None else part.first
        if size < self._streamed_bytes:
            return HTTPResponse(file.read(first, size), status, headers=own, content_type=content_type)
        own["Content-Length"] = str(size)
        return ResponseStream(file.kept().sender(first, size), status, own, content_type)

    def _part(self, file: Opened, method: str, headers: Mapping[str, str], known: Validators) -> Part | None:
        wanted = headers.get("range")
        # RFC 9110, section 14.2: a range is GET's only.
        if wanted is None or method != "GET" or not is_same_part(headers, known):
            return None
        try:
            return wanted_part(wanted, file.size)
        except Unsatisfiable:
            raise SanicException(
                "The file has no such range.", 416, headers={"Content-Range": f"bytes */{file.size}"}
            ) from None


class Opened:
    """An open file, closed when the ``with`` around it ends, unless it is kept for sending."""

    def __init__(self, file: FileIO, known: os.stat_result) -> None:
        self._file = file
        self._is_kept = False
        self.size = known.st_size
        self.modified_ns = known.st_mtime_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_kept:
            self._file.close()

    def kept(self) -> Opened:
        """This file, which its sender closes."""
        self._is_kept = True
        return self

    def read(self, first: int, size: int) -> bytes:
        """``size`` bytes from ``first`` on, or as many as there are."""
        self._file.seek(first)
        data = b""
        while len(data) < size and (piece := self._file.read(size - len(data))):
            data += piece
        return data

    def sender(self, first: int, size: int) -> Callable[[Any], Coroutine[Any, Any, None]]:
        """What sends these bytes, and closes the file."""

        async def send(response: Any) -> None:
            position, end = first, first + size
            try:
                while position < end:
                    piece = await asyncio.to_thread(self.read, position, min(PIECE_BYTES, end - position))
                    if not piece:
                        raise OSError("the file became shorter while it was sent")
                    position += len(piece)
                    await response.write(piece)
            finally:
                self._file.close()

        return send


def content_type_of(path: str) -> str:
    """The ``Content-Type`` for a file, by its name; a compressed one is not what it was before."""
    kind, coding = guess_type(path)
    if kind is None or coding is not None:
        return COMPRESSED.get(coding or "", "application/octet-stream")
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind == "application/javascript" else kind
