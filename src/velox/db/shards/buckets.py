"""Keys to buckets, buckets to shards, and ids that tell their bucket. Pure arithmetic, the same for ever.

    key ──BLAKE2b──▶ one of 1024 buckets ──the map──▶ a shard

A key never changes its bucket; a bucket may change its shard. So moving data is moving whole buckets, and a shard more
or less moves no others.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

__all__ = ["BUCKETS", "bucket_of", "bucket_of_id", "new_id", "rendezvous"]

BUCKETS = 1024
"""How many buckets there are. It is in every id, and can never change."""

_ID_SHIFT = 64
"""Where in an id the bucket is: the lowest 10 of the 12 bits of ``rand_a`` (RFC 9562, section 5.7)."""


def bucket_of(key: int | str | UUID) -> int:
    """The bucket of a shard key: the first 64 bits of the BLAKE2b (RFC 7693) of its canonical form, modulo 1024.

    The canonical form is ``i:`` and the decimal digits of an ``int``, ``s:`` and the UTF-8 of a ``str``, ``u:`` and the
    16 bytes of a ``UUID``.

    Raises:
        TypeError: It is something else; a ``bool`` is.

    >>> bucket_of(42)
    790
    """
    # Python's own hash() differs from process to process, and is equal for 1, 1.0 and True.
    match key:
        case bool():
            raise TypeError("a shard key is no bool")
        case int():
            canonical = b"i:%d" % key
        case str():
            canonical = b"s:" + key.encode()
        case UUID():
            canonical = b"u:" + key.bytes
        case _:
            raise TypeError(f"a shard key is an int, a str or a UUID, and no {type(key).__name__}")
    return _hash(canonical) % BUCKETS


def new_id(bucket: int) -> UUID:
    """A UUIDv7 that tells its bucket, and is unique without asking anybody: a millisecond and 64 random bits.

    Ids sort by the millisecond in which they were made.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(64)
    value = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 74 | bucket << _ID_SHIFT
    return UUID(int=value | 0b10 << 62 | (random & (1 << 62) - 1))


def bucket_of_id(made: UUID) -> int:
    """The bucket in an id of :func:`new_id`."""
    return made.int >> _ID_SHIFT & BUCKETS - 1


def rendezvous(bucket: int, shards: Sequence[str]) -> str:
    """The shard that a bucket belongs to before anybody moved it: the one with the highest hash together with it
    (Thaler and Ravishankar, 1998). A shard more takes its share evenly from all others, and nothing else changes.
    """
    return max(shards, key=lambda shard: (_hash(f"{shard}:{bucket}".encode()), shard))


def _hash(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
