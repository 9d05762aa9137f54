"""Answers that are remembered by the row's values and the version, where that is quicker than to predict them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from velox.ml.answers import Answer
from velox.ml.manifest import Manifest
from velox.ml.rows import Vector

__all__ = ["AnswerCache", "Store", "Verdict", "judge"]

ROUNDS = 20


class Store(Protocol):
    """Where answers are kept; :class:`velox.cache.Cache` is one."""

    async def get(self, key: str) -> Any:
        """The value of ``key`` as JSON has it; ``None``: there is none."""

    async def set(self, key: str, value: Any, ttl: float) -> None:
        """Keep ``value`` for ``ttl`` seconds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether remembering pays.

    Attributes:
        pays: Whether it does.
        look_up_us: What a look-up takes, in microseconds; measured when the model was loaded.
        predict_us: What the model takes for a row in a batch, or alone where it answers each row at once.
    """

    pays: bool
    look_up_us: float
    predict_us: float

    def __str__(self) -> str:
        relation = "less" if self.pays else "no less"
        return f"a look-up takes {self.look_up_us:.1f} µs, {relation} than a prediction with {self.predict_us:.1f} µs"


class AnswerCache:
    """The answers of one version.

    Args:
        store: Where they are kept.
        manifest: The version. Its artifact is part of the keys: a version of that number elsewhere is another.
        ttl_s: How long, in seconds.
    """

    def __init__(self, store: Store, manifest: Manifest, ttl_s: float) -> None:
        self._store, self._ttl_s = store, ttl_s
        files = ",".join(entry.sha256 for entry in manifest.files.values())
        artifact = blake2b(files.encode(), digest_size=8).hexdigest()
        self._prefix = f"model:{manifest.name}@{manifest.version}:{artifact}:"

    def key(self, vector: Vector) -> str:
        """What a row is remembered by: its values as the model gets them."""
        return self._prefix + blake2b(msgspec.msgpack.encode(vector), digest_size=16).hexdigest()

    @property
    def probe(self) -> str:
        """A key that no row has, to be measured with."""
        return f"{self._prefix}probe"

    async def get(self, key: str) -> Answer | None:
        """The answer that is remembered."""
        found = await self._store.get(key)
        return None if found is None else (found[0], found[1])

    async def put(self, key: str, answer: Answer) -> None:
        """Remember an answer; one that JSON cannot hold is not."""
        label, shares = answer
        if math.isfinite(label) and math.isfinite(sum(shares or ())):
            await self._store.set(key, [label, shares], self._ttl_s)


async def judge(cache: AnswerCache, vector: Vector, predict_s: float) -> Verdict:
    """Measure look-ups against a prediction.

    Args:
        cache: The cache.
        vector: A row.
        predict_s: What the model takes for it, in seconds.
    """
    await cache.put(cache.probe, (0, [0.5, 0.5]))
    durations: Sequence[float] = [await timed(cache, vector) for _ in range(ROUNDS)]
    look_up_s = sorted(durations)[ROUNDS // 2]
    return Verdict(look_up_s < predict_s, look_up_s * 1e6, predict_s * 1e6)


async def timed(cache: AnswerCache, vector: Vector) -> float:
    start = time.perf_counter()
    cache.key(vector)
    await cache.get(cache.probe)
    return time.perf_counter() - start
