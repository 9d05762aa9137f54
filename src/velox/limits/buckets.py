"""Memory in buckets, which the workers of one machine share; whoever changes a bucket locks it."""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["Buckets"]

LOCK_TRIES: Final = 100
LOCK_PAUSE_S: Final = 50e-6


class Buckets:
    """Where the buckets are.

    Args:
        size_bytes: Of all of them.
        bucket_bytes: Of one.
        path: The file that workers share; its size counts. ``None``: memory of this process.

    Attributes:
        memory: All buckets in a row.
    """

    def __init__(self, size_bytes: int, bucket_bytes: int, path: Path | None = None) -> None:
        self._file = -1
        if path is not None:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            size_bytes = os.fstat(self._file).st_size
        self.memory = mmap.mmap(self._file, size_bytes)
        self._count = size_bytes // bucket_bytes

    def close(self) -> None:
        self.memory.close()
        if self._file != -1:
            os.close(self._file)
            self._file = -1

    @contextmanager
    def locked(self, digests: Sequence[bytes]) -> Iterator[None]:
        """Nobody else changes the buckets of ``digests`` meanwhile.

        A lock that is not had within some milliseconds is done without: somebody was stopped while holding it, and a
        count that may be off by one is better than a server that hangs.
        """
        if self._file == -1:  # one loop, one thread: nobody else is there
            yield
            return
        # In one order for all: two workers never wait for each other.
        held = [bucket for bucket in sorted({self.bucket(digest) for digest in digests}) if self._lock(bucket)]
        try:
            yield
        finally:
            for bucket in held:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, bucket)

    def _lock(self, bucket: int) -> bool:
        for _ in range(LOCK_TRIES):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, bucket)
            except BlockingIOError:
                time.sleep(LOCK_PAUSE_S)
            else:
                return True
        return False

    def bucket(self, digest: bytes) -> int:
        """The number of the bucket of a key."""
        return int.from_bytes(digest[:8], "little") % self._count
