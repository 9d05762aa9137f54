"""The server's end of a model's process: starting it, asking it, ending it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from typing import Any

import msgspec

__all__ = ["Child"]

LENGTH = struct.Struct(">I")
MAX_REPLY_BYTES = 256 * 2**20
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Child:
    """A process of :mod:`velox.ml.child`, and the socket to it."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer

    @classmethod
    async def begin(cls) -> Child:
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": os.pathsep.join(sys.path)}
            command = (sys.executable, "-m", "velox.ml.child", str(theirs.fileno()))
            process = await asyncio.create_subprocess_exec(*command, pass_fds=(theirs.fileno(),), env=environment)
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, reader, writer)

    async def ask(self, question: Any) -> Any:
        """What it answers.

        Raises:
            EOFError, OSError: It ended.
            DecodeError: It spoke nonsense.
        """
        message = msgspec.msgpack.encode(question)
        self._writer.write(LENGTH.pack(len(message)) + message)
        await self._writer.drain()
        (size,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
        if size > MAX_REPLY_BYTES:
            raise OSError(f"an answer of {size} bytes")
        return msgspec.msgpack.decode(await self._reader.readexactly(size))

    def kill(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._writer.close()

    async def gone(self) -> None:
        """When it has ended."""
        await self._process.wait()
