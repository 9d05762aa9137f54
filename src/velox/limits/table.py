"""What a machine knows of who has used how much: a table of fixed size, which its workers can share.

    file in shared memory:  ┌ bucket 0 ─────────────────────┐┌ bucket 1 ──── ...
                            │ place 0 │ place 1 │ ... │ 15  ││
                            └─────────┴─────────┴─────┴─────┘└──
    place:  digest of the key, ten numbers of state, free again at, forgotten at         112 bytes

A key has its place in the bucket that its digest names. A worker locks the buckets that it reads and writes, for some
microseconds; the kernel takes the lock from a worker that dies. When a bucket is full, what is over is forgotten first,
then who has used least; who is blocked is never forgotten before the time is up.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from velox.limits.algorithms import NEW, NUMBERS, State
from velox.limits.buckets import Buckets

__all__ = ["DIGEST_BYTES", "Full", "Table", "size_bytes"]

DIGEST_BYTES: Final = 16
PLACE: Final = struct.Struct(f"=16s{NUMBERS + 2}d")
PLACES: Final = 16
"""Of a bucket. Were half of all places blocked, one bucket in a hundred would have no room for somebody new."""
BUCKET_BYTES: Final = PLACE.size * PLACES


class Full(Exception):
    """A bucket has no room: all in it are blocked.

    Attributes:
        wait_s: Until one of them is not.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Table(Buckets):
    """The places.

    Args:
        keys: How many keys it has room for, about; 112 bytes each.
        path: The file that workers share, of :func:`size_bytes`; ``None``: memory of this process.
    """

    def __init__(self, keys: int, path: Path | None = None) -> None:
        super().__init__(size_bytes(keys), BUCKET_BYTES, path)

    def read(self, digest: bytes, now_s: float) -> State:
        """The state of a key."""
        start = self.bucket(digest) * BUCKET_BYTES
        bucket = self.memory[start : start + BUCKET_BYTES]
        at = place_of(digest, bucket)
        if at == -1:
            return NEW
        _, *state, _, expires_s = PLACE.unpack_from(bucket, at)
        return tuple(state) if expires_s > now_s else NEW

    def write(self, digest: bytes, state: State, now_s: float, *, free_s: float, expires_s: float) -> None:
        """Remember the state of a key.

        Args:
            digest: The key's.
            state: The state.
            now_s: The time.
            free_s: When a hit will fit again; up to then it is not forgotten.
            expires_s: When it is as if it had never been.

        Raises:
            Full: There is no room for somebody new.
        """
        start = self.bucket(digest) * BUCKET_BYTES
        bucket = self.memory[start : start + BUCKET_BYTES]
        at = place_of(digest, bucket)
        start += at if at != -1 else room_in(bucket, now_s)
        self.memory[start : start + PLACE.size] = PLACE.pack(digest, *state, free_s, expires_s)


def place_of(digest: bytes, bucket: bytes) -> int:
    """Where a key is in its bucket; -1: nowhere."""
    at = bucket.find(digest)
    while at % PLACE.size and at != -1:  # the same bytes, by chance, within another place's
        at = bucket.find(digest, at + 1)
    return at


def room_in(bucket: bytes, now_s: float) -> int:
    """The place that is missed least."""
    best, earliest_s, free_again_s = -1, float("inf"), float("inf")
    for offset in range(0, BUCKET_BYTES, PLACE.size):
        *_, free_s, expires_s = PLACE.unpack_from(bucket, offset)
        if expires_s <= now_s:
            return offset
        if free_s > now_s:
            free_again_s = min(free_again_s, free_s)
        elif expires_s < earliest_s:
            best, earliest_s = offset, expires_s
    if best == -1:
        raise Full(free_again_s - now_s)
    return best


def size_bytes(keys: int) -> int:
    """Of the file of a table with room for ``keys``."""
    return -(-keys // PLACES) * BUCKET_BYTES
