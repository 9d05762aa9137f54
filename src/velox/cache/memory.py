"""Values of this process: bounded by their bytes, the longest unused go first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from velox.cache.entry import Entry
from velox.cache.generations import Generation, Generations

__all__ = ["Held", "Memory"]

OVERHEAD_BYTES: Final = 600
"""What an entry takes beside its value: objects, the key, the dictionary's slot; measured, rounded up."""


class Held:
    """An entry in memory.

    Attributes:
        entry: The entry.
        until_s: Until when it is kept here, which may be shorter than the entry is good.
        prepared: What whoever reads it made of the payload, to make it only once.
    """

    __slots__ = ("entry", "generations", "prepared", "until_s")

    def __init__(self, entry: Entry, generations: Generation, until_s: float) -> None:
        self.entry = entry
        self.generations = generations
        self.until_s = until_s
        self.prepared: Any = None


class Memory:
    """The entries.

    Args:
        max_bytes: What they may take.
        generations: What says which of them are out of date.
    """

    def __init__(self, max_bytes: int, generations: Generations) -> None:
        self._max_bytes = max_bytes
        self._generations = generations
        self._held: dict[str, Held] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str, now_s: float) -> Held | None:
        """What is held, if it may still be used."""
        held = self._held.get(key)
        if held is None:
            return None
        if held.until_s <= now_s or not self._generations.are(held.generations):
            self.remove(key)
            return None
        # The order of a dictionary is that of insertion: what was used last goes to its end.
        del self._held[key]
        self._held[key] = held
        return held

    def put(self, key: str, held: Held) -> None:
        """Hold an entry, and let go of those that were not used for longest. One that is too large is not held."""
        self.remove(key)
        size_bytes = size_of(key, held)
        if size_bytes > self._max_bytes:
            return
        self._held[key] = held
        self.size_bytes += size_bytes
        while self.size_bytes > self._max_bytes:
            self.remove(next(iter(self._held)))

    def remove(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self.size_bytes -= size_of(key, held)

    def keys(self) -> Collection[str]:
        """The keys, the longest unused first."""
        return self._held.keys()


def size_of(key: str, held: Held) -> int:
    return len(key) + len(held.entry.payload) + OVERHEAD_BYTES
