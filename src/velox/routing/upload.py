"""A file that a client uploaded."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["UploadFile"]

CHUNK_BYTES = 64 * 1024


class UploadFile:
    """A file of a ``multipart/form-data`` body (RFC 7578): in memory while small, on disk past a threshold.

    It lives as long as its request: keep it with :meth:`save`.

    Attributes:
        name: The form field's name.
        filename: The name that the client gave. Never use it as a path: it is the client's word.
        content_type: The media type that the client gave, ``application/octet-stream`` when it gave none.
        size_bytes: Its size.
    """

    def __init__(self, file: SpooledTemporaryFile[bytes], *, name: str, filename: str, content_type: str) -> None:
        self._file = file
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self.size_bytes = file.tell()
        file.seek(0)

    async def read(self, size_bytes: int = -1) -> bytes:
        """The next ``size_bytes`` bytes; all that is left by default."""
        if self._in_memory:
            return self._file.read(size_bytes)
        return await asyncio.to_thread(self._file.read, size_bytes)

    async def seek(self, offset_bytes: int) -> None:
        """Go to ``offset_bytes`` from the start."""
        self._file.seek(offset_bytes)

    async def save(self, path: str | Path) -> None:
        """Write the whole file to ``path``, in a thread.

        Raises:
            OSError: As for opening and writing ``path``.
        """
        await asyncio.to_thread(self._copy, Path(path))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The rest of the file in chunks of 64 KiB."""
        while chunk := await self.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Free its memory or remove it from disk; done for you at the end of the request."""
        self._file.close()

    @property
    def _in_memory(self) -> bool:
        return not getattr(self._file, "_rolled", True)

    def _copy(self, path: Path) -> None:
        self._file.seek(0)
        with path.open("wb") as target:
            shutil.copyfileobj(self._file, target, CHUNK_BYTES)

    def __repr__(self) -> str:
        return f"UploadFile({self.filename!r}, {self.content_type!r}, {self.size_bytes} bytes)"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # OpenAPI 3.1.1, section 4.8.14.2: the media type of the part says that it is binary.
        return {"type": "string", "contentMediaType": "application/octet-stream"}
