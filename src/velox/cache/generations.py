"""Which values are out of date: a counter for each tag and key, in memory that the workers of a machine share.

    read the counters ──▶ load ──▶ store the value with what was read ──▶ later: counters as then? else it is none
                            ▲
               invalidate: counter + 1

A load that began before an invalidation stores its value with the old count, and nobody ever gets it. Tags share
counters by chance; then a value is loaded once more than needed.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final
from zlib import crc32

__all__ = ["SIZE_BYTES", "Generation", "Generations"]

Generation = tuple[tuple[int, int], ...]
"""Counters' numbers, and their counts."""
COUNTERS: Final = 65_536
SIZE_BYTES: Final = COUNTERS * 8


@lru_cache(16_384)
def number_of(tag: str) -> int:
    return crc32(tag.encode()) % COUNTERS


class Generations:
    """The counters.

    Args:
        path: The file that workers share; ``None``: memory of this process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC) if path is not None else -1
        self._memory = mmap.mmap(self._file, SIZE_BYTES)
        self._counters = memoryview(self._memory).cast("Q")

    def close(self) -> None:
        self._counters.release()
        self._memory.close()
        if self._file != -1:
            os.close(self._file)

    def read(self, tags: Iterable[str]) -> Generation:
        """The present generation of ``tags``: ``(counter's number, count)``."""
        counters = self._counters
        return tuple([(number := number_of(tag), counters[number]) for tag in tags])

    def are(self, generations: Generation) -> bool:
        """Whether nothing of ``generations`` was invalidated since it was read."""
        counters = self._counters
        # A generator costs twice as much, on each hit.
        for number, count in generations:  # noqa: SIM110
            if counters[number] != count:
                return False
        return True

    def bump(self, tags: Iterable[str]) -> None:
        """From now on, everything that was made before is out of date, for all workers of the machine."""
        if self._file != -1:
            fcntl.lockf(self._file, fcntl.LOCK_EX)  # of the kernel: who is killed lets go of it
        try:
            for tag in tags:
                self._counters[number_of(tag)] += 1
        finally:
            if self._file != -1:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
