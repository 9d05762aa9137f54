"""Comparing a compiled pipeline with scikit-learn: it is used only when nobody could tell the two apart."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from velox.ml.columns import Number, Uncompilable
from velox.ml.compiled import Compiled, compile_pipeline
from velox.ml.forest import splits_of
from velox.ml.heads import Head, Predictions, final_head
from velox.ml.inference import ANYTHING, rows_of
from velox.ml.rows import RowReader, Vector, frame_of
from velox.ml.schema import Feature, Schema

__all__ = ["TOLERANCE", "Verdict", "agree", "verify"]

TOLERANCE = 1e-6
"""How far a probability, or a regression's value relative to itself, may be from scikit-learn's."""
SAMPLE_ROWS = 2000
RANDOM_ROWS = 2000
MOST_THRESHOLDS = 2000
SINGLE_ROWS = 200
SLOW_ROWS = 200
"""Of rows that scikit-learn refuses together, so many are asked for one by one."""
BATCH_ROWS = 16
"""A micro-batch: some forms take another way for few rows than for many."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a model is to be served.

    Attributes:
        compiled: The compiled form; None: scikit-learn serves.
        report: The same for the manifest.
    """

    compiled: Compiled | None
    report: dict[str, Any]


def verify(estimator: Any, schema: Schema, sample: Any, *, seed: int) -> Verdict:
    """Compile ``estimator``, and compare on its data, at its thresholds, on missing and unknown values, and at random.

    Args:
        estimator: The fitted estimator.
        schema: Its schema.
        sample: A DataFrame of its data.
        seed: Of the random rows.
    """
    classes = getattr(estimator, "classes_", None)
    try:
        compiled = compile_pipeline(estimator, schema, classes)
    except Uncompilable as error:
        return Verdict(None, {"by": "scikit-learn", "reason": str(error)})
    head = final_head(estimator, classes)
    counts: dict[str, int] = {}
    worst, labels = 0.0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, rows in trials(schema, sample, compiled, estimator, seed):
            vectors, expected = answered(head, schema, rows)
            counts[name] = len(vectors)
            if vectors:
                difference, differing = compare(compiled, vectors, expected)
                worst, labels = larger(worst, difference), labels + differing
    report = {"rows": counts, "max_difference": worst, "labels_differ": labels, "tolerance": TOLERANCE}
    if labels or not worst <= TOLERANCE:
        reason = f"the compiled form ({compiled.name}) differs: {labels} labels, at most {worst:.3g}"
        return Verdict(None, {"by": "scikit-learn", "reason": reason, **report})
    return Verdict(compiled, {"by": "compiled", "form": compiled.name, **report})


def answered(head: Head, schema: Schema, rows: Sequence[Vector]) -> tuple[list[Vector], Predictions]:
    """scikit-learn's answers, and the rows that have one: a step may refuse what is far from the training data."""
    vectors = list(rows)
    if vectors and not has_answer(head, schema, vectors):
        vectors = [vector for vector in vectors[:SLOW_ROWS] if has_answer(head, schema, [vector])]
    return vectors, head(frame_of(schema, vectors)) if vectors else Predictions(np.empty(0))


def has_answer(head: Head, schema: Schema, vectors: Sequence[Vector]) -> bool:
    try:
        head(frame_of(schema, vectors))
    except Exception:  # noqa: BLE001 - scikit-learn's, or that of a step of the user's
        return False
    return True


def compare(compiled: Compiled, vectors: Sequence[Vector], expected: Predictions) -> tuple[float, int]:
    """The greatest difference, and how many labels differ: in one batch, in small ones and row by row."""
    worst, differing = agree(compiled(vectors), expected)
    for start in range(0, len(vectors), BATCH_ROWS):
        part = slice(start, start + BATCH_ROWS)
        difference, labels = agree(compiled(vectors[part]), sliced(expected, part))
        worst, differing = larger(worst, difference), differing + labels
    step = max(1, len(vectors) // SINGLE_ROWS)
    for place in range(0, len(vectors), step):
        part = slice(place, place + 1)
        answers = [compiled(vectors[part])]
        if compiled.one is not None:
            label, shares = compiled.one(vectors[place])
            answers.append(Predictions(np.array([label]), None if shares is None else np.array([shares])))
        for answer in answers:
            difference, labels = agree(answer, sliced(expected, part))
            worst, differing = larger(worst, difference), differing + labels
    return worst, differing


def larger(one: float, other: float) -> float:
    """The greater of two, where NaN is greater than any number."""
    return other if other > one or math.isnan(other) else one


def sliced(predictions: Predictions, part: slice) -> Predictions:
    shares = predictions.probabilities
    return Predictions(predictions.labels[part], None if shares is None else shares[part])


def agree(one: Predictions, other: Predictions) -> tuple[float, int]:
    """The greatest difference between two answers, and the number of labels that are not the same."""
    if one.probabilities is None or other.probabilities is None:
        if one.labels.dtype.kind == "f":
            scale = np.maximum(1.0, np.abs(other.labels))
            return float(np.max(np.abs(one.labels - other.labels) / scale, initial=0.0)), 0
        return 0.0, int(np.sum(one.labels != other.labels))
    difference = np.max(np.abs(one.probabilities - other.probabilities), initial=0.0)
    return float(difference), int(np.sum(one.labels != other.labels))


def trials(
    schema: Schema, sample: Any, compiled: Compiled, estimator: Any, seed: int
) -> Iterator[tuple[str, Sequence[Vector]]]:
    """Rows of each kind, by its name."""
    random = np.random.default_rng(seed)
    reader = RowReader(schema, ANYTHING)
    taken = sample.sample(min(len(sample), SAMPLE_ROWS), random_state=seed)
    rows = [row for row in rows_of(schema, taken) if not reader.explain(row, "")]
    base = [reader.read(row)[0] for row in rows]
    if not base:
        raise Uncompilable("no row of the sample fits the schema")
    yield "sample", base
    yield "thresholds", list(at_thresholds(schema, compiled, estimator, base, random))
    yield "missing and unknown", list(odd_rows(schema, base, random))
    yield "random", [[any_value(feature, random) for feature in schema.features] for _ in range(RANDOM_ROWS)]


def at_thresholds(
    schema: Schema, compiled: Compiled, estimator: Any, base: Sequence[Vector], random: Any
) -> Iterator[Vector]:
    """Rows whose number is, once encoded, at a split of a tree, or is one of the floats next to that."""
    found = [(c, t) for c, t in thresholds_of(estimator) if isinstance(compiled.columns[c], Number)]
    chosen = random.permutation(len(found))[:MOST_THRESHOLDS]
    for column, threshold in (found[place] for place in chosen):
        number = compiled.columns[column]
        assert isinstance(number, Number)
        value = undone(number, threshold)
        for near in neighbours(value):
            if math.isfinite(near):
                whole = schema.features[number.feature].kind == "integer"
                row = list(base[random.integers(len(base))])
                row[number.feature] = float(round(near)) if whole else near
                yield row


def thresholds_of(estimator: Any) -> list[tuple[int, float]]:
    """The splits of the final estimator's trees: column and threshold, each once."""
    final = estimator.steps[-1][1] if type(estimator).__name__ == "Pipeline" else estimator
    trees = [final] if hasattr(final, "tree_") else np.ravel(getattr(final, "estimators_", []))
    found = {(split[0], split[1]) for each in trees if hasattr(each, "tree_") for split in splits_of(each.tree_)[0]}
    return sorted(found)


def undone(number: Number, value: float) -> float:
    """About the number that the steps make ``value`` of."""
    inverse: dict[str, Callable[[float, float], float]] = {
        "subtract": lambda v, by: v + by,
        "add": lambda v, by: v - by,
        "divide": lambda v, by: v * by,
        "multiply": lambda v, by: v / by if by else v,
    }
    for name, operand in reversed(number.steps):
        if name in inverse:
            value = inverse[name](value, operand)
    return value


def neighbours(value: float) -> Iterator[float]:
    """``value``, the float64 and the float32 on each side of it."""
    yield value
    yield math.nextafter(value, -math.inf)
    yield math.nextafter(value, math.inf)
    near = np.float32(value)
    yield float(near)
    yield float(np.nextafter(near, np.float32(-np.inf)))
    yield float(np.nextafter(near, np.float32(np.inf)))


def odd_rows(schema: Schema, base: Sequence[Vector], random: Any) -> Iterator[Vector]:
    """Rows with a value missing, with a category unknown, and with each of the categories."""
    for place, feature in enumerate(schema.features):
        codes: list[Any] = []
        if feature.kind == "category":
            known = len(feature.categories)
            codes = [*range(known), *([known] * feature.missing), *([known + 1] * feature.unknown)]
        elif feature.missing and feature.kind != "text":
            codes = [math.nan]
        for code in codes:
            for _ in range(5):
                row = list(base[random.integers(len(base))])
                row[place] = code
                yield row


def any_value(feature: Feature, random: Any) -> Any:
    """A random value: also out of the range of the training data, missing or unknown where the model takes it."""
    if feature.kind == "category":
        known = len(feature.categories)
        codes = [*range(known), *([known] * feature.missing), *([known + 1] * feature.unknown)]
        return codes[random.integers(len(codes))]
    if feature.missing and random.random() < 0.1:
        return math.nan
    if feature.kind == "boolean":
        return float(random.integers(2))
    low, high = feature.minimum or 0.0, feature.maximum or 1.0
    value = random.uniform(low - 0.2 * (high - low), high + 0.2 * (high - low) + 1e-9)
    return float(round(value)) if feature.kind == "integer" else float(value)
