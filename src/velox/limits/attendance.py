"""How many requests of a key are in the house, on one machine: exact for all of its workers, without a server.

    bucket:  ┌ place 0 ────────────────────────┐┌ place 1 ── ... ┐
             │ digest of the key, worker, count ││               │      32 bytes a place
             └─────────────────────────────────┘└───────────────┘

Each worker writes only what it has itself. What a worker had that is not alive any more is not counted, so nothing has
to be given back by somebody who was killed.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

from velox.limits.buckets import Buckets
from velox.shared_files import is_alive

__all__ = ["Attendance", "attendance_bytes"]

PLACE: Final = struct.Struct("=16sqq")
PLACES: Final = 64
BUCKET_BYTES: Final = PLACE.size * PLACES
KEYS_A_PLACE: Final = 4
"""Of all keys that are known, few have a request in the house."""


class Attendance:
    """The counts.

    Args:
        keys: How many keys the app knows at once, about.
        path: The file that workers share, of :func:`attendance_bytes`; ``None``: memory of this process.
        worker: The process; another number in tests.
    """

    def __init__(self, keys: int, path: Path | None = None, worker: int | None = None) -> None:
        self._buckets = Buckets(attendance_bytes(keys), BUCKET_BYTES, path)
        self._worker = worker if worker is not None else os.getpid()
        self._own: dict[bytes, tuple[int, int]] = {}
        """Key → how many, and at which place that is written down."""

    def close(self) -> None:
        self._buckets.close()

    def enter(self, digest: bytes, most: int) -> int | None:
        """Let one more in.

        Args:
            digest: The key, 16 bytes.
            most: How many may be in at once.

        Returns:
            How many more may come; ``None``: there are as many as may, or no place to write it down.
        """
        buckets, worker = self._buckets, self._worker
        own, place = self._own.get(digest, (0, -1))
        with buckets.locked([digest]):
            start = buckets.bucket(digest) * BUCKET_BYTES
            others, free = 0, -1
            for number, (key, whose, count) in enumerate(
                PLACE.iter_unpack(buckets.memory[start : start + BUCKET_BYTES])
            ):
                if not count or (whose != worker and not is_alive(whose)):
                    free = number
                elif key == digest and whose != worker:
                    others += count
            if place == -1:
                place = start + free * PLACE.size if free != -1 else -1
            if own + others >= most or place == -1:
                return None
            self._own[digest] = own + 1, place
            PLACE.pack_into(buckets.memory, place, digest, worker, own + 1)
        return most - others - own - 1

    def leave(self, digest: bytes) -> None:
        """One has left."""
        count, place = self._own.pop(digest)
        if count > 1:
            self._own[digest] = count - 1, place
        with self._buckets.locked([digest]):
            PLACE.pack_into(self._buckets.memory, place, digest, self._worker, count - 1)


def attendance_bytes(keys: int) -> int:
    """Of the file for an app with so many keys."""
    return -(-keys // (KEYS_A_PLACE * PLACES)) * BUCKET_BYTES
