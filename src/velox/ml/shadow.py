"""A version that answers the same rows as the one in service, and whose answers nobody gets: they are compared."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from velox.errors import Problem
from velox.ml.answers import Answer
from velox.ml.loaded import Loaded
from velox.ml.manifest import Manifest

__all__ = ["Comparison", "Shadow"]

MOST_PENDING = 32
"""Requests whose comparison has not ended; of more none is begun, so that a slow shadow costs no memory."""

logger = logging.getLogger("velox.ml")


class Comparison:
    """What two versions said of the same rows, in this worker.

    Attributes:
        agreeing, differing: Rows with the same label, and with another; of a regression, with the same value.
        max_difference: The greatest difference between two probabilities of a class (of a regression, two values).
        failed: Rows that the shadow had no answer for.
        skipped: Rows that were not compared because it was too slow.
    """

    def __init__(self) -> None:
        self.agreeing = self.differing = self.failed = self.skipped = 0
        self.max_difference = 0.0

    def note(self, ours: Answer, theirs: Answer, classes: tuple[Sequence[Any], Sequence[Any]]) -> bool:
        """Count a row; whether both gave it the same label.

        Args:
            ours, theirs: The answers; theirs is the shadow's.
            classes: What the labels' positions stand for, of each; empty for a regression.
        """
        (label, shares), (other, other_shares) = ours, theirs
        mine, others = classes
        same = (mine[label] == others[other]) if mine and others else label == other
        if same:
            self.agreeing += 1
        else:
            self.differing += 1
        if shares is not None and other_shares is not None:
            by_class = dict(zip(others, other_shares, strict=True))
            gaps = [abs(share - by_class.get(name, 0.0)) for name, share in zip(mine, shares, strict=True)]
            self.max_difference = max(self.max_difference, *gaps)
        elif not mine:
            self.max_difference = max(self.max_difference, abs(label - other))
        return bool(same)

    def to_dict(self) -> dict[str, Any]:
        return {
            "agreeing": self.agreeing,
            "differing": self.differing,
            "failed": self.failed,
            "skipped": self.skipped,
            "max_difference": self.max_difference,
        }


class Shadow:
    """A version beside the one in service.

    Args:
        loaded: The version.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.comparison = Comparison()
        self._pending: set[asyncio.Task[None]] = set()

    @property
    def manifest(self) -> Manifest:
        return self.loaded.manifest

    def compare(self, rows: Sequence[Any], answers: Sequence[Answer], manifest: Manifest) -> None:
        """Ask the shadow too, after the client has got its answer.

        Args:
            rows: As they came.
            answers: What the version in service said.
            manifest: Of that version.
        """
        if len(self._pending) >= MOST_PENDING:
            self.comparison.skipped += len(rows)
            self.loaded.tally.add("shadow_skipped", len(rows))
            return
        task = asyncio.get_running_loop().create_task(self._compare(rows, answers, manifest))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _compare(self, rows: Sequence[Any], answers: Sequence[Answer], manifest: Manifest) -> None:
        classes = (manifest.schema.outcome.classes, self.manifest.schema.outcome.classes)
        try:
            vectors, _ = self.loaded.reader.read_all(rows)
            theirs = await self.loaded.answer_all(vectors)
        except Problem as problem:
            self.comparison.failed += len(rows)
            self.loaded.tally.add("shadow_failed", len(rows))
            logger.debug("the shadow %s has no answer: %s", self.manifest.version, problem)
            return
        for ours, other in zip(answers, theirs, strict=True):
            same = self.comparison.note(ours, other, classes)
            self.loaded.tally.add("shadow_agreeing" if same else "shadow_differing")

    async def settled(self) -> None:
        """When all that was begun has been compared."""
        await asyncio.gather(*self._pending)

    async def close(self) -> None:
        """Compare no more."""
        pending = tuple(self._pending)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await self.loaded.retire()
