"""Why a row got its answer: what each feature did to it, against a typical row.

The effects are Shapley values (Shapley, "A value for n-person games", 1953; Štrumbelj and Kononenko, JMLR 11, 2010):
the mean change of the answer when a feature's value replaces the typical one, over all orders of replacing. They add
up to the difference between the row's answer and the typical row's. Up to :data:`EXACT` features all subsets are
computed; of more, orders are drawn with a fixed seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from velox.ml.answers import Answer
from velox.ml.rows import Vector
from velox.ml.schema import Schema

__all__ = ["effects_of", "explanation", "questions"]

EXACT = 8
"""2 ** 8 rows are computed in about a millisecond."""
DRAWN_ROWS = 1024


def questions(row: Vector, typical: Vector) -> list[Vector]:
    """The mixed rows whose answers :func:`effects_of` needs, in its order."""
    count = len(row)
    if count <= EXACT:
        return [mixed(row, typical, subset) for subset in range(2**count)]
    return [mixed(row, typical, subset) for order in orders(count) for subset in growing(order)]


def explanation(
    schema: Schema, row: Mapping[str, Any], typical: Mapping[str, Any], answers: Sequence[Answer]
) -> dict[str, Any]:
    """What is said beside the answer: its value, the typical row's, and each feature's effect, the greatest first.

    Args:
        schema: The model's.
        row, typical: The row, and the typical one.
        answers: To the row, and then to those of :func:`questions`.
    """
    label = answers[0][0]
    values = [value_of(answer, label, schema) for answer in answers]
    effects = [
        {"feature": f.name, "value": row.get(f.name), "typical": typical[f.name], "effect": effect}
        for f, effect in zip(schema.features, effects_of(values[1:], len(schema.features)), strict=True)
    ]
    effects.sort(key=lambda each: -abs(each["effect"]))
    return {"value": values[0], "typical_value": values[1], "effects": effects}


def value_of(answer: Answer, label: Any, schema: Schema) -> float:
    """What is explained: the probability of ``label``, whether it is the label where there is none, or the value."""
    found, shares = answer
    if schema.outcome.kind == "regression":
        return float(found)
    return float(found == label) if shares is None else float(shares[label])


def effects_of(answers: Sequence[float], count: int) -> list[float]:
    """Each feature's effect.

    Args:
        answers: To the rows of :func:`questions`.
        count: The number of features.
    """
    return exact(answers, count) if count <= EXACT else drawn(answers, count)


def mixed(row: Vector, typical: Vector, subset: int) -> Vector:
    """The row's values where ``subset`` has a bit, else the typical ones."""
    return [
        mine if subset >> place & 1 else usual for place, (mine, usual) in enumerate(zip(row, typical, strict=True))
    ]


def exact(answers: Sequence[float], count: int) -> list[float]:
    weights = [math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count) for size in range(count)]
    effects = [0.0] * count
    for subset in range(2**count):
        for place in range(count):
            if not subset >> place & 1:
                change = answers[subset | 1 << place] - answers[subset]
                effects[place] += weights[subset.bit_count()] * change
    return effects


def drawn(answers: Sequence[float], count: int) -> list[float]:
    effects = [0.0] * count
    chosen = orders(count)
    for number, order in enumerate(chosen):
        first = number * (count + 1)
        for step, place in enumerate(order):
            effects[place] += (answers[first + step + 1] - answers[first + step]) / len(chosen)
    return effects


def orders(count: int) -> list[list[int]]:
    """Orders of the features, each beside its reverse: their errors cancel in part."""
    shuffler = random.Random(0)  # noqa: S311 - the same row gets the same explanation
    made: list[list[int]] = []
    for _ in range(max(1, DRAWN_ROWS // (2 * (count + 1)))):
        order = list(range(count))
        shuffler.shuffle(order)
        made += [order, order[::-1]]
    return made


def growing(order: Sequence[int]) -> Iterator[int]:
    """The empty subset, then one more feature each time."""
    subset = 0
    yield subset
    for place in order:
        subset |= 1 << place
        yield subset
