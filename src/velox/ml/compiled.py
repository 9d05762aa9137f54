"""A pipeline, compiled: from vectors to predictions without DataFrames."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from velox.ml.columns import Column, Lookup, Number, Uncompilable, apply, read_steps
from velox.ml.heads import Head, Linear, Predictions, head_of
from velox.ml.rows import UNKNOWN_NUMBER, UNKNOWN_TEXT, Vector
from velox.ml.schema import Schema, absent

__all__ = ["Compiled", "compile_pipeline"]

Array = npt.NDArray[Any]
One = Callable[[Vector], tuple[Any, "list[float] | None"]]


class Compiled:
    """A pipeline as numbers.

    Args:
        columns: What the final estimator's columns are made of.
        head: The final estimator.
        name: What it is called in ``velox ml show``.

    Attributes:
        columns: As given.
        one: The same for a single row without NumPy, where that is quicker: a label and probabilities; else None.
    """

    def __init__(self, columns: Sequence[Column], head: Head, name: str) -> None:
        self.name = name
        self.head = head
        self.columns = list(columns)
        self._numbers = [(place, c) for place, c in enumerate(columns) if isinstance(c, Number)]
        self._lookups = lookups_by_feature(columns)
        self._groups = grouped(self._numbers)
        self.one: One | None = single(columns, head) if isinstance(head, Linear) else None

    def encode(self, vectors: Sequence[Vector]) -> Array:
        """The final estimator's matrix, ``(rows, columns)``, in float64."""
        raw = np.array(vectors, dtype=np.float64)
        matrix = np.empty((len(vectors), len(self.columns)))
        for feature, places, table in self._lookups:
            matrix[:, places] = table[raw[:, feature].astype(np.intp)]
        for features, places, steps in self._groups:
            values = raw[:, features]
            for name, operands in steps:
                values = apply([(name, operands)], values)
            matrix[:, places] = values
        return matrix

    def __call__(self, vectors: Sequence[Vector]) -> Predictions:
        return self.head(self.encode(vectors))


def compile_pipeline(estimator: Any, schema: Schema, classes: Any | None) -> Compiled:
    """Read as much of ``estimator`` as can be read; scikit-learn computes the rest from the encoded rows.

    Raises:
        Uncompilable: Nothing is won.
    """
    unknown = [
        (UNKNOWN_TEXT if feature.categories and isinstance(feature.categories[0], str) else UNKNOWN_NUMBER)
        for feature in schema.features
    ]
    columns, steps = read_steps(estimator, schema.features, unknown)
    name, head = head_of(steps, classes=classes)
    if name.startswith("scikit-learn") and steps[0] is estimator:
        raise Uncompilable(f"{type(estimator).__name__} is scikit-learn's own to compute")
    return Compiled(columns, head, name)


def lookups_by_feature(columns: Sequence[Column]) -> list[tuple[int, Array, Array]]:
    """For each categorical feature the places of its columns, and its table ``(codes, columns)``."""
    found: dict[int, list[tuple[int, Array]]] = {}
    for place, column in enumerate(columns):
        if isinstance(column, Lookup):
            found.setdefault(column.feature, []).append((place, column.table))
    return [
        (feature, np.array([place for place, _ in tables]), np.stack([table for _, table in tables], axis=1))
        for feature, tables in found.items()
    ]


def grouped(numbers: Sequence[tuple[int, Number]]) -> list[tuple[Array, Array, list[tuple[str, Array]]]]:
    """Columns with the same kinds of steps, to be computed at once."""
    found: dict[tuple[str, ...], list[tuple[int, Number]]] = {}
    for place, number in numbers:
        found.setdefault(tuple(name for name, _ in number.steps), []).append((place, number))
    return [
        (
            np.array([number.feature for _, number in group]),
            np.array([place for place, _ in group]),
            [(name, np.array([n.steps[i][1] for _, n in group])) for i, name in enumerate(names)],
        )
        for names, group in found.items()
    ]


def single(columns: Sequence[Column], head: Linear) -> One | None:
    """A linear model of one row in plain Python: NumPy's calls cost more than the sums of a few dozen columns."""
    if head.link == "softmax" or len(columns) > MOST_COLUMNS:
        return None
    weights = head.weights[:, 0].tolist()
    lookups = contributions(columns, weights)
    numbers = [
        (column.feature, python_steps(column), weight)
        for column, weight in zip(columns, weights, strict=True)
        if isinstance(column, Number)
    ]
    intercept = float(head.intercept[0])
    classifies = head.link == "logistic"

    def predict(vector: Vector) -> tuple[Any, list[float] | None]:
        score = intercept
        for feature, table in lookups:
            score += table[vector[feature]]
        for feature, steps, weight in numbers:
            score += steps(vector[feature]) * weight
        if not classifies:
            return score, None
        second = logistic(score)
        return int(score > 0), [1.0 - second, second]

    return predict


MOST_COLUMNS = 64


def logistic(score: float) -> float:
    """``math.exp`` overflows beyond 709, where the answer is 0."""
    return 1.0 / (1.0 + math.exp(-score)) if score > -709.0 else 0.0


def contributions(columns: Sequence[Column], weights: Sequence[float]) -> list[tuple[int, list[float]]]:
    """What each code of a categorical feature adds to the score."""
    found: dict[int, Array] = {}
    for column, weight in zip(columns, weights, strict=True):
        if isinstance(column, Lookup):
            found[column.feature] = found.get(column.feature, 0.0) + column.table * weight
    return [(feature, table.tolist()) for feature, table in found.items()]


def python_steps(column: Number) -> Callable[[float], float]:
    """The steps of a number as one function of Python floats, which are float64 too."""
    steps = column.steps
    names = tuple(name for name, _ in steps)
    if names == ("fill", "subtract", "divide"):
        filling, mean, scale = (operand for _, operand in steps)
        return lambda value: ((filling if absent(value) else value) - mean) / scale
    if names == ("subtract", "divide"):
        mean, scale = (operand for _, operand in steps)
        return lambda value: (value - mean) / scale
    return lambda value: float(apply(steps, np.float64(value)))  # type: ignore[arg-type]
