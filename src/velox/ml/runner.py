"""A model in memory, ready to answer."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from velox.errors import ConfigurationError
from velox.ml.artifact import REFERENCE, OnMismatch, load_estimator
from velox.ml.columns import Uncompilable
from velox.ml.compiled import Compiled, compile_pipeline
from velox.ml.heads import Predictions, final_head
from velox.ml.inference import ANYTHING
from velox.ml.manifest import Manifest
from velox.ml.registry import Registry
from velox.ml.rows import RowReader, Vector, frame_of
from velox.ml.verification import TOLERANCE, agree

__all__ = ["Runner", "load", "runner_of"]

WARM_UP_ROUNDS = 5
BATCH_ROWS = 32


class Runner:
    """Answers for one version of a model.

    Args:
        manifest: The version.
        estimator: Its fitted estimator.
        compiled: Its compiled form; None lets scikit-learn answer.

    Attributes:
        typical: A row of medians and most frequent categories.
        one_row_s, batch_row_s: What a row takes alone, and in a batch of :data:`BATCH_ROWS`; measured at warm-up.
    """

    def __init__(self, manifest: Manifest, estimator: Any, compiled: Compiled | None) -> None:
        self.manifest = manifest
        self.schema = manifest.schema
        self.estimator = estimator
        self.compiled = compiled
        self.typical: dict[str, Any] = {}
        self.one_row_s = self.batch_row_s = 0.0
        self._ask = final_head(estimator, getattr(estimator, "classes_", None))

    @property
    def one(self) -> Callable[[Vector], tuple[Any, list[float] | None]] | None:
        """The quick way for a single row, where there is one."""
        return self.compiled.one if self.compiled is not None else None

    def predict(self, vectors: Sequence[Vector]) -> Predictions:
        """Answers for rows as :class:`~velox.ml.rows.RowReader` reads them.

        Args:
            vectors: ``(rows, features)``, at least one.
        """
        if self.compiled is not None:
            return self.compiled(vectors)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about unknown categories, which the answer's own warnings name
            return self._ask(frame_of(self.schema, vectors))

    def warm_up(self, rows: Sequence[dict[str, Any]]) -> None:
        """Answer rows until everything is loaded, and measure how long that takes then."""
        reader = RowReader(self.schema, ANYTHING)
        vectors = [reader.read(row)[0] for row in rows]
        batch = [vectors[place % len(vectors)] for place in range(BATCH_ROWS)]
        one = self.one
        single: Callable[[], Any] = (lambda: one(vectors[0])) if one else (lambda: self.predict(vectors[:1]))
        self.one_row_s = best_of(single)
        self.batch_row_s = best_of(lambda: self.predict(batch)) / BATCH_ROWS


def best_of(work: Callable[[], Any]) -> float:
    """Seconds of the quickest round: others are disturbed by what else the machine does."""
    best = float("inf")
    for _ in range(WARM_UP_ROUNDS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def load(registry: Registry, reference: str, *, on_mismatch: OnMismatch = "warn") -> Runner:
    """The model that ``reference`` names, checked and warm.

    It has to give the answers that were recorded when it was published, whatever libraries are installed now.

    Args:
        registry: Where it is.
        reference: ``"titanic"``, ``"titanic@2"`` or ``"titanic@canary"``.
        on_mismatch: As of :func:`~velox.ml.artifact.load_estimator`.

    Raises:
        ConfigurationError: VX701, VX811, VX812, VX813, VX814 or VX816.
    """
    manifest = registry.manifest(reference)
    return runner_of(registry, manifest, load_estimator(registry, manifest, on_mismatch=on_mismatch))


def runner_of(registry: Registry, manifest: Manifest, estimator: Any) -> Runner:
    """What answers for ``estimator``, checked and warm.

    Raises:
        ConfigurationError: VX812 or VX814.
    """
    known = json.loads(registry.read(manifest, REFERENCE))
    runner = Runner(manifest, estimator, compiled_form(manifest, estimator))
    check_answers(runner, known)
    runner.typical = known["typical"]
    runner.warm_up(known["rows"])
    return runner


def compiled_form(manifest: Manifest, estimator: Any) -> Compiled | None:
    """The form that was verified when the model was published."""
    if manifest.served.get("by") != "compiled":
        return None
    try:
        return compile_pipeline(estimator, manifest.schema, getattr(estimator, "classes_", None))
    except Uncompilable:
        return None


def check_answers(runner: Runner, known: dict[str, Any]) -> None:
    reader = RowReader(runner.schema, ANYTHING)
    answers = runner.predict([reader.read(row)[0] for row in known["rows"]])
    shares = known["probabilities"]
    expected = Predictions(np.array(known["labels"]), None if shares is None else np.array(shares))
    difference, differing = agree(answers, expected)
    if differing or not difference <= TOLERANCE:
        which = f"{runner.manifest.name}@{runner.manifest.version}"
        raise ConfigurationError(
            "VX814",
            f"{which} answers otherwise than when it was published: {differing} labels, at most {difference:.3g}",
            hint="Install the libraries that 'velox ml show' names, or train it again",
        )
